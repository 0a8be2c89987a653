//! `serve`: settings and their precedence, what is refused, signals.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use evermesh_testkit::{DEADLINE, wait_until};
use evermesh_xds_server::testing::{Model, Peer};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tonic::transport::Endpoint;

use crate::harness::{Ran, evermesh};

const FREE_PORTS: [&str; 4] = [
    "serve",
    "--listen=127.0.0.1:0",
    "--xds-listen=127.0.0.1:0",
    "--dns-listen=127.0.0.1:0",
];

/// A running `evermesh serve`, which ends with the test.
pub(crate) struct Serving {
    child: Child,
    pub(crate) api: SocketAddr,
    xds: SocketAddr,
    _directory: TempDir,
}

impl Serving {
    pub(crate) fn start(change: impl FnOnce(&mut Command)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = evermesh(&FREE_PORTS);
        command
            .args(["--data-dir", "data", "--dns-forward=off"])
            .current_dir(directory.path());
        change(&mut command);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let mut address = |prefix: &str| {
            let line = lines.next().expect("it says where it listens").unwrap();
            line.strip_prefix(prefix)
                .unwrap_or_else(|| panic!("{line}"))
                .parse()
                .unwrap()
        };
        let (api, xds) = (address("api http://"), address("xds "));
        let _: SocketAddr = address("dns ");
        Self {
            child,
            api,
            xds,
            _directory: directory,
        }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[])
    }

    /// With these variables and no others.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = evermesh(arguments);
        command.args(["--endpoint", &format!("http://{}", self.api)]);
        Ran::of(&command.envs(variables.iter().copied()).output().unwrap())
    }

    /// The whole answer to a request that is not signed.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.api).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Exit code and log.
    fn end(mut self) -> (Option<i32>, String) {
        let status = wait_until("the control plane ended", DEADLINE, || {
            self.child.try_wait().unwrap()
        });
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (status.code(), log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("evermesh.toml");
    let file = "region = \"eu-central-1\"\naccount_id = \"111111111111\"\nlog_level = \"warn\"\n\
                log_format = \"json\"\n[quotas]\nmeshes_per_account = 1\n";
    fs::write(&config, file).unwrap();
    let serving = Serving::start(|command| {
        command
            .env("EVERMESH_CONFIG", &config)
            .env("EVERMESH_REGION", "eu-west-1")
            .env("EVERMESH_ACCOUNT_ID", "222222222222")
            .args(["--account-id", "333333333333"]);
    });
    let meshes = directory.path().join("meshes.yaml");
    fs::write(&meshes, "meshName: a\n---\nmeshName: b\n").unwrap();
    let error = serving.run(&["apply", "-f", meshes.to_str().unwrap()]).fails(1);
    assert!(error.contains("meshes_per_account is 1"), "{error}");
    let mesh = serving.run(&["get", "mesh", "a"]).ok();
    assert!(
        mesh.contains("arn: arn:aws:appmesh:eu-west-1:333333333333:mesh/a"),
        "{mesh}"
    );
    serving.signal(Signal::TERM);
    let (code, log) = serving.end();
    assert_eq!(
        (code, log.as_str()),
        (Some(0), ""),
        "the file's level has nothing of info"
    );
}

#[test]
fn health_is_answered_and_the_log_is_json_when_asked_for() {
    let serving = Serving::start(|command| {
        command.args(["--log-format", "json", "--log-level", "info"]);
    });
    let answer = serving.get("/healthz");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serving.signal(Signal::INT);
    let (code, log) = serving.end();
    assert_eq!(code, Some(0));
    assert!(!log.is_empty());
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn it_drains_with_proxies_connected() {
    let serving = Serving::start(|_| {});
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let channel = Endpoint::from_shared(format!("http://{}", serving.xds)).unwrap();
    let channel = runtime.block_on(channel.connect()).unwrap();
    let _in_runtime = runtime.enter();
    let _proxy = Peer::start(channel, Model::new("mesh/m/virtualNode/n"));
    wait_until("the proxy is connected", DEADLINE, || {
        (!serving.run(&["proxies"]).rows().is_empty()).then_some(())
    });
    serving.signal(Signal::TERM);
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let serving = Serving::start(|_| {});
    let mut hanging = TcpStream::connect(serving.api).unwrap();
    let head =
        "PUT /v20190125/meshes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    hanging.write_all(head.as_bytes()).unwrap();
    // It asks for the body, so the request is open.
    let mut answer = [0; 12];
    hanging.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    serving.signal(Signal::TERM);
    wait_until("it no longer listens", DEADLINE, || {
        TcpStream::connect(serving.api).err()
    });
    serving.signal(Signal::TERM);
    let (code, log) = serving.end();
    assert_eq!(code, Some(1));
    assert!(log.contains("ended at once"), "{log}");
}

/// What `serve` says when it does not start.
fn refusal(arguments: &[&str], code: i32) -> String {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("bad.toml"),
        "region = \"x\"\n\nlisten_on = \"y\"\n",
    )
    .unwrap();
    fs::write(
        directory.path().join("credentials"),
        "[a]\naws_access_key_id = x\n",
    )
    .unwrap();
    let mut command = evermesh(&[&FREE_PORTS, arguments].concat());
    let run = Ran::of(&command.current_dir(directory.path()).output().unwrap());
    assert_eq!(run.stdout, "");
    assert!(
        !directory.path().join("evermesh-data").exists(),
        "nothing was made"
    );
    run.fails(code)
}

#[test]
fn settings_that_cannot_be_used_are_refused_before_anything_is_made() {
    for (arguments, part) in [
        (["--listen=0.0.0.0:0"].as_slice(), "--insecure-listen=api"),
        (&["--xds-listen=[::]:0"], "--insecure-listen=xds"),
        (
            &["--dns-listen=0.0.0.0:0", "--insecure-listen=xds"],
            "--insecure-listen=dns",
        ),
        (&["--config=bad.toml"], "line 3, column 1"),
        (&["--config=bad.toml"], "unknown field `listen_on`"),
        (
            &["--config=nowhere.toml"],
            "cannot read the settings file nowhere.toml",
        ),
        (&["--account-id=12"], "an account id has twelve digits"),
        (&["--region=US West"], "a region is lower case"),
        (&["--log-level=a=b=c"], "--log-level"),
        (
            &["--credentials-file=credentials"],
            "profile a of the credentials file lacks aws_secret_access_key",
        ),
    ] {
        let error = refusal(arguments, 2);
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
}

#[test]
fn an_address_in_use_is_named_with_its_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = refusal(&[&format!("--xds-listen={address}")], 1);
    assert!(
        error.contains(&format!("cannot listen on {address}")) && error.contains("--xds-listen"),
        "{error}"
    );
}
