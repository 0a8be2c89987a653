//! What the test binary does when it is a program inside or around a task instead of the test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use evermesh_task::support::{self, Privilege};
use evermesh_task::{Network, NetworkOptions, TaskOptions};
use socket2::{Domain, Socket, Type};

/// A copy of the test binary that every user can execute, gone when dropped.
pub(crate) struct Copy {
    pub(crate) path: PathBuf,
    _directory: tempfile::TempDir,
}

pub(crate) fn copy() -> Copy {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = directory.path().join("program");
    std::fs::copy("/proc/self/exe", &path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Copy {
        path,
        _directory: directory,
    }
}

pub(crate) fn run(arguments: &[&str]) {
    match arguments {
        ["connect", address] => connect(address, None),
        ["connect", address, mark] => connect(address, Some(mark.parse().unwrap())),
        ["keep-task"] => keep_task(),
        ["check"] => print!("{}", support::check().unwrap_err()),
        other => panic!("no such program: {other:?}"),
    }
}

/// Prints what a server says.
fn connect(address: &str, mark: Option<u32>) {
    let address: SocketAddr = address.parse().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    if let Some(mark) = mark {
        socket.set_mark(mark).unwrap();
    }
    socket.connect(&address.into()).unwrap();
    let mut answer = String::new();
    TcpStream::from(socket).read_to_string(&mut answer).unwrap();
    print!("{answer}");
}

/// Makes a task with one process, prints the process's number and how to join the task, and lives until its input
/// ends.
fn keep_task() {
    if support::check().unwrap() == Privilege::UserNamespace {
        support::enter_user_namespace().unwrap();
    }
    let network = Network::create(NetworkOptions::default()).unwrap();
    let task = network.task(TaskOptions::new("kept")).unwrap();
    let mut child = task
        .command("sleep")
        .arg("infinity")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    println!("{}\n{}", child.id(), task.nsenter_hint());
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    drop(task);
    child.wait().unwrap();
}
