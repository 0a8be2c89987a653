//! What a task is: its place in the network, its resolver, its redirect rules, its programs.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;

use evermesh_task::intercept::Config;
use evermesh_task::{Exemption, Network, NetworkOptions, PROXY_ID, Task, TaskError, TaskOptions};
use rustix::net::sockopt::{ip_original_dst, ipv6_original_dst};

use crate::{Case, program};

pub(crate) const CASES: &[Case] = &[
    (
        "tasks_reach_each_other_and_the_gateway",
        tasks_reach_each_other_and_the_gateway,
    ),
    (
        "a_task_resolves_names_at_its_own_server",
        a_task_resolves_names_at_its_own_server,
    ),
    (
        "a_redirected_connection_tells_its_destination",
        a_redirected_connection_tells_its_destination,
    ),
    ("a_sidecar_is_exempt_by_mark", a_sidecar_is_exempt_by_mark),
    ("a_sidecar_is_exempt_by_user", a_sidecar_is_exempt_by_user),
    ("addresses_run_out_and_come_back", addresses_run_out_and_come_back),
    (
        "a_wrong_name_or_program_is_refused",
        a_wrong_name_or_program_is_refused,
    ),
    ("tokio_spawns_in_the_task", tokio_spawns_in_the_task),
];

fn network() -> Network {
    Network::create(NetworkOptions::default()).unwrap()
}

fn tasks_reach_each_other_and_the_gateway() {
    let network = network();
    let (one, two) = (
        network.task(TaskOptions::new("one")).unwrap(),
        network.task(TaskOptions::new("two")).unwrap(),
    );
    assert_eq!(
        (one.ipv4().to_string(), two.ipv4().to_string()),
        ("10.74.0.2".to_owned(), "10.74.0.3".to_owned())
    );
    assert_ne!(one.ipv6(), two.ipv6());
    for address in [Some(IpAddr::V4(one.ipv4())), one.ipv6().map(IpAddr::V6)]
        .into_iter()
        .flatten()
    {
        let address = SocketAddr::new(address, 8080);
        one.run_in(|| {
            answer(address, |stream| {
                format!("one, to {}", stream.peer_addr().unwrap().ip())
            })
        })
        .unwrap();
        let own = if address.is_ipv4() {
            IpAddr::V4(two.ipv4())
        } else {
            IpAddr::V6(two.ipv6().unwrap())
        };
        assert_eq!(connect(&two, address), format!("one, to {own}"));
    }
    for gateway in [Some(network.gateway()), network.gateway_v6()]
        .into_iter()
        .flatten()
    {
        let address = network
            .run_in(|| answer(SocketAddr::new(gateway, 0), |_| "gateway".to_owned()))
            .unwrap();
        assert_eq!(connect(&two, address), "gateway");
    }
}

fn a_task_resolves_names_at_its_own_server() {
    let host = std::fs::read_to_string("/etc/resolv.conf").unwrap();
    let network = network();
    let server = network
        .run_in(|| UdpSocket::bind((network.gateway(), 53)).unwrap())
        .unwrap();
    let task = network.task(TaskOptions::new("asking")).unwrap();
    assert_eq!(
        output(&task, "cat", &["/etc/resolv.conf"]),
        "nameserver 10.74.0.1\n"
    );
    std::thread::spawn(move || serve_one_name(&server));
    let answer = output(&task, "getent", &["ahostsv4", "svc1.pgMesh.local"]);
    assert!(answer.starts_with("10.10.10.10 "), "{answer}");
    let own = output(&task, "getent", &["ahostsv4", "asking"]);
    assert!(own.starts_with("10.74.0.2 "), "{own}");
    assert_eq!(
        std::fs::read_to_string("/etc/resolv.conf").unwrap(),
        host,
        "the machine keeps its own"
    );
    let elsewhere = TaskOptions {
        nameserver: Some("192.0.2.53".parse().unwrap()),
        ..TaskOptions::new("elsewhere")
    };
    let elsewhere = network.task(elsewhere).unwrap();
    assert_eq!(
        output(&elsewhere, "cat", &["/etc/resolv.conf"]),
        "nameserver 192.0.2.53\n"
    );
}

/// Answers every question with the address 10.10.10.10, as far as `getent ahostsv4` needs a DNS server.
fn serve_one_name(server: &UdpSocket) {
    let mut question = [0; 512];
    while let Ok((length, client)) = server.recv_from(&mut question) {
        // The question proper: labels up to the empty one, type and class.
        let labels = question[12..length].iter().position(|byte| *byte == 0).unwrap();
        let mut answer = question[..12 + labels + 5].to_vec();
        answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 10, 10, 10]);
        server.send_to(&answer, client).unwrap();
    }
}

/// A task whose traffic goes to a listener on 15001, and another one with a listener on 8080.
fn intercepted(exemption: Exemption) -> (Network, Task, SocketAddr) {
    let network = network();
    let interception = Some(exemption.apply(Config::default()));
    let task = network
        .task(TaskOptions {
            interception,
            ..TaskOptions::new("client")
        })
        .unwrap();
    task.run_in(|| {
        answer("0.0.0.0:15001".parse().unwrap(), |stream| {
            format!("proxy, for {}", ip_original_dst(stream).unwrap())
        });
        answer("[::1]:15001".parse().unwrap(), |stream| {
            format!("proxy, for {}", ipv6_original_dst(stream).unwrap())
        });
    })
    .unwrap();
    let server = network.run_in(|| answer(SocketAddr::new(network.gateway(), 8080), |_| "server".to_owned()));
    (network, task, server.unwrap())
}

fn a_redirected_connection_tells_its_destination() {
    let (network, task, server) = intercepted(Exemption::Uid(PROXY_ID));
    assert_eq!(connect(&task, server), format!("proxy, for {server}"));
    // A virtual service's address that nobody has.
    assert_eq!(
        connect(&task, "10.10.10.10:80".parse().unwrap()),
        "proxy, for 10.10.10.10:80"
    );
    if network.gateway_v6().is_some() {
        assert_eq!(
            connect(&task, "[fd00:10::10]:80".parse().unwrap()),
            "proxy, for [fd00:10::10]:80"
        );
    }
}

fn a_sidecar_is_exempt_by_mark() {
    let (_network, task, server) = intercepted(Exemption::Mark(PROXY_ID));
    let program = program::copy();
    let say = |mark: &str| {
        let command = task
            .command(&program.path)
            .args(["program", "connect", &server.to_string(), mark]);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(say("1337"), "server");
    assert_eq!(say("1338"), format!("proxy, for {server}"));
}

/// In a user namespace there is no second user; there the choice itself is what is checked.
fn a_sidecar_is_exempt_by_user() {
    let program = program::copy();
    let exemption = Exemption::for_programs([&program.path]);
    let other_users = std::fs::read_to_string("/proc/self/uid_map")
        .unwrap()
        .trim()
        .ends_with("4294967295");
    let expected = if other_users {
        Exemption::Uid(PROXY_ID)
    } else {
        Exemption::Mark(PROXY_ID)
    };
    assert_eq!(exemption, expected);
    let (_network, task, server) = intercepted(exemption);
    let command = || {
        task.command(&program.path)
            .args(["program", "connect", &server.to_string()])
    };
    let say =
        |command: evermesh_task::Command<'_>| String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert_eq!(say(command()), format!("proxy, for {server}"));
    if other_users {
        assert_eq!(say(command().exempt(exemption)), "server");
        assert_eq!(say(task.command("id").arg("-G").exempt(exemption)), "1337\n");
    }
}

fn addresses_run_out_and_come_back() {
    let small = |v4: &str| NetworkOptions {
        v4: v4.parse().unwrap(),
        ..NetworkOptions::default()
    };
    assert!(matches!(
        Network::create(small("10.0.0.0/31")),
        Err(TaskError::SmallSubnet(_))
    ));
    let network = Network::create(small("10.0.0.0/30")).unwrap();
    let only = network.task(TaskOptions::new("only")).unwrap();
    assert_eq!(only.ipv4().to_string(), "10.0.0.2");
    assert!(matches!(
        network.task(TaskOptions::new("second")),
        Err(TaskError::NoAddress(1))
    ));
    drop(only);
    let next = network.task(TaskOptions::new("next")).unwrap();
    assert_eq!(next.ipv4().to_string(), "10.0.0.2");
    let address = network
        .run_in(|| answer(SocketAddr::new(network.gateway(), 0), |_| "gateway".to_owned()))
        .unwrap();
    assert_eq!(connect(&next, address), "gateway");
}

fn a_wrong_name_or_program_is_refused() {
    let network = network();
    for name in ["", "-a", "a-", "a b", "a\n", &"a".repeat(64)] {
        assert!(
            matches!(network.task(TaskOptions::new(name)), Err(TaskError::Name(_))),
            "{name:?}"
        );
    }
    let task = network.task(TaskOptions::new("a-1")).unwrap();
    let error = task.command("/nowhere/program").spawn().unwrap_err();
    assert_eq!(error.to_string(), "cannot start /nowhere/program in task a-1");
    // The task goes on.
    let directory = task.command("pwd").current_dir("/usr").output().unwrap();
    assert_eq!(directory.stdout, b"/usr\n");
    let here = Path::new("/proc/self/cwd").canonicalize().unwrap();
    assert_eq!(output(&task, "pwd", &["-P"]).trim(), here.to_str().unwrap());
}

fn tokio_spawns_in_the_task() {
    let network = network();
    let task = network.task(TaskOptions::new("tokio")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let output = runtime.block_on(async {
        let command = task
            .command("ip")
            .args(["-o", "-4", "address", "show", "eth0"])
            .env("PATH", "/usr/sbin:/sbin");
        command
            .stdout(std::process::Stdio::piped())
            .spawn_tokio()
            .unwrap()
            .wait_with_output()
            .await
            .unwrap()
    });
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains(" 10.74.0.2/24 ")
    );
}

/// What a program in the task prints.
fn output(task: &Task, program: &str, arguments: &[&str]) -> String {
    let output = task.command(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// What a server says to the task.
fn connect(task: &Task, address: SocketAddr) -> String {
    let read = || std::io::read_to_string(TcpStream::connect(address)?);
    task.run_in(read).unwrap().unwrap()
}

/// Answers every connection with one word and closes it, for as long as the test lives.
fn answer(address: SocketAddr, word: fn(&TcpStream) -> String) -> SocketAddr {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let word = word(&stream);
            stream.write_all(word.as_bytes()).unwrap();
        }
    });
    address
}
