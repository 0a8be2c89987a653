//! Two network namespaces joined by a cable: the task, where the test itself runs, and its peer.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use rustix::net::sockopt::{ip_original_dst, ipv6_original_dst};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, Type};

const INSIDE: &str = "EVERMESH_TEST_INSIDE_NAMESPACE";

/// Runs `body` alone in a fresh network namespace: the test binary again, for the test `name` only.
#[allow(clippy::explicit_write)]
pub(crate) fn in_namespace(name: &str, body: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let Some(flags) = ["-n", "-Urn"].into_iter().find(|flags| can(flags)) else {
        // Not through `eprintln!`, whose output the harness keeps to itself when a test passes.
        let reason = "needs nft, and root or unprivileged user namespaces";
        writeln!(std::io::stderr(), "SKIPPED {name}: {reason}").unwrap();
        return;
    };
    let output = unshare(flags, std::env::current_exe().unwrap().as_os_str())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn unshare(flags: &str, program: &OsStr) -> Command {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("unshare");
    command.args([flags, "--"]).arg(program).env("PATH", path);
    command
}

fn can(flags: &str) -> bool {
    let probe = unshare(flags, OsStr::new("nft"))
        .args(["list", "tables"])
        .output();
    probe.is_ok_and(|output| output.status.success())
}

/// What `nft` shows of all tables.
pub(crate) fn listing() -> String {
    let output = Command::new("nft")
        .args(["--stateless", "list", "ruleset"])
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Applies an nft script of the test's own.
pub(crate) fn nft(script: &str) {
    pipe(Command::new("nft").args(["-f", "-"]), script);
}

fn pipe(command: &mut Command, input: &str) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{input}");
}

/// The task has 10.9.0.2 and fd09::2, its peer .1 and .3; listeners say who they are.
pub(crate) struct World {
    peer: Child,
}

impl World {
    pub(crate) fn new() -> Self {
        let peer = Command::new("unshare")
            .args(["-n", "sleep", "infinity"])
            .spawn()
            .unwrap();
        let world = Self { peer };
        let own = namespace_of("self");
        while namespace_of(&world.peer.id().to_string()) == own {
            std::thread::yield_now();
        }
        world.connect_namespaces();
        for address in ["0.0.0.0", "[::]"] {
            answer(address, &[80, 8080], |_| "application".to_owned());
            answer(address, &[15000], |stream| {
                format!("ingress {}", original(stream))
            });
            answer(address, &[15001], |stream| format!("egress {}", original(stream)));
            world.in_peer(|| answer(address, &[22, 8080, 9000, 9001], |_| "peer".to_owned()));
        }
        world
    }

    fn connect_namespaces(&self) {
        let pid = self.peer.id();
        ip(&format!(
            "link set lo up\nlink add eth0 type veth peer name eth0 netns {pid}\nlink set eth0 up
            addr add 10.9.0.2/24 dev eth0\naddr add fd09::2/64 dev eth0 nodad"
        ));
        self.in_peer(|| {
            ip("link set lo up\nlink set eth0 up\naddr add 10.9.0.1/24 dev eth0\naddr add 10.9.0.3/24 dev eth0
                addr add fd09::1/64 dev eth0 nodad\naddr add fd09::3/64 dev eth0 nodad");
        });
        ip("route add default via 10.9.0.1\nroute add default via fd09::1");
    }

    /// Who answers a connection from the task.
    pub(crate) fn connect(&self, address: &str) -> String {
        who_answers(TcpStream::connect(address).unwrap())
    }

    /// Who answers a connection from the task whose socket has a mark.
    pub(crate) fn connect_marked(&self, address: &str, mark: u32) -> String {
        let address: SocketAddr = address.parse().unwrap();
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_mark(mark).unwrap();
        socket.connect(&address.into()).unwrap();
        who_answers(socket.into())
    }

    /// Who answers a connection from the peer.
    pub(crate) fn connect_from_peer(&self, address: &str) -> String {
        self.in_peer(|| who_answers(TcpStream::connect(address).unwrap()))
    }

    /// Who answers a datagram from the task.
    pub(crate) fn ask_udp(&self, address: &str) -> String {
        let server = self.in_peer(|| UdpSocket::bind(address).unwrap());
        let client = UdpSocket::bind("0.0.0.0:0").unwrap();
        client.send_to(b"?", address).unwrap();
        let (_, from) = server.recv_from(&mut [0]).unwrap();
        server.send_to(b"peer", from).unwrap();
        let mut answer = [0; 16];
        let length = client.recv(&mut answer).unwrap();
        String::from_utf8(answer[..length].to_vec()).unwrap()
    }

    fn in_peer<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/proc/{}/ns/net", self.peer.id())).unwrap();
        let inside = || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            body()
        };
        std::thread::scope(|scope| scope.spawn(inside).join().unwrap())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.peer.kill();
        let _ = self.peer.wait();
    }
}

fn namespace_of(pid: &str) -> std::path::PathBuf {
    std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap()
}

fn ip(batch: &str) {
    let lines: Vec<&str> = batch.lines().map(str::trim).collect();
    pipe(Command::new("ip").args(["-batch", "-"]), &lines.join("\n"));
}

/// Answers every connection with one word and closes it, for as long as the test lives.
fn answer(address: &str, ports: &[u16], word: fn(&TcpStream) -> String) {
    for port in ports {
        let listener = bind(&format!("{address}:{port}"));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let word = word(&stream);
                stream.write_all(word.as_bytes()).unwrap();
            }
        });
    }
}

/// Binds one family only, so that both can have the same port.
fn bind(address: &str) -> TcpListener {
    let address: SocketAddr = address.parse().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    if address.is_ipv6() {
        socket.set_only_v6(true).unwrap();
    }
    socket.bind(&address.into()).unwrap();
    socket.listen(16).unwrap();
    socket.into()
}

fn original(stream: &TcpStream) -> String {
    match stream.local_addr().unwrap() {
        SocketAddr::V4(_) => ip_original_dst(stream).unwrap().to_string(),
        SocketAddr::V6(_) => ipv6_original_dst(stream).unwrap().to_string(),
    }
}

fn who_answers(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
