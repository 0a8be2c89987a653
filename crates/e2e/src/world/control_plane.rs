//! The control plane of a world: its process, those who call it, and what it says of itself.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use evermesh_testkit::aws::{AwsCli, AwsOutput};
use evermesh_testkit::tools::{Tool, binary};
use evermesh_testkit::{DEADLINE, Response, wait_until};
use serde_json::Value;

use super::World;

const API_PORT: u16 = 7070;
const XDS_PORT: u16 = 7071;
pub(super) const DNS_PORT: u16 = 53;
/// The table of nftables that keeps proxies away.
const REFUSING: &str = "refusing";
/// The credentials file in the world's directory.
const CREDENTIALS: &str = "credentials";

/// Who calls the control plane, where that matters: a profile of the credentials file, and its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Name of the profile; its access key and secret are this too.
    pub profile: &'static str,
    /// Account of twelve digits.
    pub account: &'static str,
}

impl World {
    /// Starts the control plane on the data that there is, and waits until it serves.
    ///
    /// # Panics
    /// When it runs already.
    pub fn start_control_plane(&mut self) {
        assert!(self.control_plane.is_none(), "the control plane runs already");
        let mut command = self.serve();
        // A child has the network namespace of the thread that starts it.
        let child = self.network.run_in(|| command.spawn());
        let child = child
            .expect("the network is there")
            .expect("evermesh serve can be started");
        self.control_plane = Some(child);
        wait_until("the control plane serves", DEADLINE, || self.get("/healthz"));
    }

    /// Kills the control plane with SIGKILL.
    pub fn kill_control_plane(&mut self) {
        if let Some(mut process) = self.control_plane.take() {
            process.kill().expect("a child can be killed");
            process.wait().expect("a child can be waited for");
        }
    }

    /// Refuses new connections of proxies to the control plane, until [`World::admit_proxies`].
    pub fn refuse_proxies(&self) {
        let rule = format!("tcp dport {XDS_PORT} tcp flags & (syn | ack) == syn reject with tcp reset");
        let hook = "type filter hook input priority 0";
        self.nft(&format!(
            "add table inet {REFUSING} {{ chain input {{ {hook}; {rule}; }}; }}"
        ));
    }

    /// Lets proxies connect again.
    pub fn admit_proxies(&self) {
        self.nft(&format!("delete table inet {REFUSING}"));
    }

    /// Where the control plane keeps its data.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Starts the control plane anew so that it asks who calls, and knows these; the first one calls from now on.
    pub fn require_credentials(&mut self, callers: &[Caller]) {
        let profile = |Caller { profile, account }: &Caller| {
            format!(
                "[{profile}]\naws_access_key_id = {profile}\naws_secret_access_key = {profile}\n\
                 aws_account_id = {account}\n"
            )
        };
        let profiles: String = callers.iter().map(profile).collect();
        self.write(CREDENTIALS, &profiles);
        self.kill_control_plane();
        self.caller = callers.first().copied();
        self.start_control_plane();
    }

    /// From now on somebody else calls the control plane.
    pub fn act_as(&mut self, caller: Caller) {
        self.caller = Some(caller);
    }

    /// Runs the `evermesh` command in the directory that [`World::write`] writes to, pointed at the control plane.
    pub fn evermesh(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary("evermesh"));
        command.args(arguments).current_dir(self.directory.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
            .env("EVERMESH_ENDPOINT", format!("http://{}", self.address(API_PORT)))
            .env("HOME", self.directory.path())
            .stdin(Stdio::null());
        if let Some(caller) = self.caller {
            command
                .env(
                    "AWS_SHARED_CREDENTIALS_FILE",
                    self.directory.path().join(CREDENTIALS),
                )
                .env("AWS_PROFILE", caller.profile);
        }
        let output = self.network.run_in(|| command.output());
        output
            .expect("the network is there")
            .expect("evermesh can be run")
    }

    /// Runs the AWS CLI against the control plane, in the directory that [`World::write`] writes to.
    pub fn aws(&self, arguments: &[String]) -> AwsOutput {
        let program = Tool::Aws
            .find()
            .expect("the AWS CLI is installed: run `make tools`");
        let endpoint = format!("http://{}", self.address(API_PORT));
        let cli = AwsCli::new(&program, endpoint, self.directory.path());
        self.network
            .run_in(|| cli.run(arguments))
            .expect("the network is there")
    }

    /// `GET` of one of the control plane's own pages; `None` while nobody answers with 200.
    pub fn get(&self, path: &str) -> Option<String> {
        let address = self.address(API_PORT);
        let answer = self.network.run_in(|| match self.caller {
            Some(caller) => signed_get(address, path, caller),
            None => evermesh_testkit::request(address, "GET", path),
        });
        match answer.expect("the network is there") {
            Ok(Response { status: 200, body }) => Some(body),
            _ => None,
        }
    }

    /// The codes of all diagnostics that there are, in order.
    pub fn diagnostics(&self) -> Vec<String> {
        let view = self.view("/evermesh/diagnostics");
        let found = view["diagnostics"].as_array().cloned().unwrap_or_default();
        found
            .iter()
            .filter_map(|one| Some(one["code"].as_str()?.to_owned()))
            .collect()
    }

    /// Where sidecars find the control plane.
    pub(crate) fn xds(&self) -> SocketAddr {
        self.address(XDS_PORT)
    }

    pub(super) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.network.gateway(), port)
    }

    pub(super) fn view(&self, path: &str) -> Value {
        let page = wait_until("the control plane answers", DEADLINE, || self.get(path));
        serde_json::from_str(&page).expect("the control plane's pages are JSON")
    }

    fn serve(&self) -> Command {
        let directory = self.directory.path();
        let listen = |port: u16| self.address(port).to_string();
        let log = File::options()
            .create(true)
            .append(true)
            .open(directory.join("control-plane.log"));
        let mut command = Command::new(binary("evermesh"));
        command
            .arg("serve")
            .args(["--data-dir".as_ref(), directory.join("data").as_os_str()])
            .args(["--hosts-file".as_ref(), self.hosts.path().as_os_str()])
            .args(["--cloud-map-file".as_ref(), self.instances.path().as_os_str()])
            .args([
                "--certificates-dir".as_ref(),
                directory.join("certificates").as_os_str(),
            ])
            .args(["--listen", &listen(API_PORT)])
            .args(["--xds-listen", &listen(XDS_PORT)])
            .args(["--dns-listen", &listen(DNS_PORT)])
            // Proxies look names up again when the answer may no longer be kept.
            .args(["--dns-ttl", "1", "--dns-forward", "off"])
            .args(["--log-level", "warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log can be made"));
        match self.caller {
            Some(_) => command
                .args(["--insecure-listen", "--credentials-file"])
                .arg(directory.join(CREDENTIALS)),
            None => command.arg("--insecure-listen"),
        };
        command
    }

    /// A command of nftables on the gateway.
    fn nft(&self, command: &str) {
        let run = || Command::new("nft").arg(command).output();
        let output = self.network.run_in(run).expect("the network is there");
        let output = output.expect("nft can be run");
        assert!(output.status.success(), "{command}: {output:?}");
    }
}

/// A request signed as for the control plane's own pages, by curl.
fn signed_get(address: SocketAddr, path: &str, caller: Caller) -> std::io::Result<Response> {
    let user = format!("{0}:{0}", caller.profile);
    let output = Command::new("curl")
        .args([
            "--silent",
            "--aws-sigv4",
            "aws:amz:us-west-2:evermesh",
            "--user",
            &user,
        ])
        .args([
            "--write-out",
            "\n%{http_code}",
            &format!("http://{address}{path}"),
        ])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or_default();
    let status = status.parse().unwrap_or_default();
    let body = body.to_owned();
    Ok(Response { status, body })
}
