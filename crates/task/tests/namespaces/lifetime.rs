//! What remains of tasks: nothing, however they end.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use evermesh_task::support;
use evermesh_task::{Network, NetworkOptions, TaskOptions};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::{Case, as_nobody, program};

pub(crate) const CASES: &[Case] = &[
    (
        "dropping_a_task_kills_all_its_processes",
        dropping_a_task_kills_all_its_processes,
    ),
    (
        "processes_die_with_a_killed_parent",
        processes_die_with_a_killed_parent,
    ),
    ("the_hint_leads_into_the_task", the_hint_leads_into_the_task),
    (
        "a_machine_without_namespaces_says_why",
        a_machine_without_namespaces_says_why,
    ),
    ("nothing_is_left_on_the_machine", nothing_is_left_on_the_machine),
];

fn dropping_a_task_kills_all_its_processes() {
    let network = Network::create(NetworkOptions::default()).unwrap();
    let (task, other) = (
        network.task(TaskOptions::new("a")).unwrap(),
        network.task(TaskOptions::new("b")).unwrap(),
    );
    let mut bystander = other.command("sleep").arg("infinity").spawn().unwrap();
    // The grandchild leaves the session, as a daemon does.
    let script = "setsid sleep infinity & echo $!; wait";
    let mut shell = task
        .command("sh")
        .args(["-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let grandchild = handle(&first_line(&mut shell));
    drop(task);
    wait_for_end(&grandchild);
    assert!(!shell.wait().unwrap().success());
    assert!(
        bystander.try_wait().unwrap().is_none(),
        "the other task's process lives"
    );
    drop(other);
    assert!(!bystander.wait().unwrap().success());
}

fn processes_die_with_a_killed_parent() {
    let program = program::copy();
    let mut keeper = keep_task(Command::new(&program.path));
    let process = handle(&first_line(&mut keeper));
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    wait_for_end(&process);
}

/// As root also for a task of a user without root, from outside that user's namespace.
fn the_hint_leads_into_the_task() {
    let network = Network::create(NetworkOptions::default()).unwrap();
    let task = network.task(TaskOptions::new("joined")).unwrap();
    if support::check().is_ok()
        && std::fs::read_to_string("/proc/self/uid_map")
            .unwrap()
            .contains("4294967295")
    {
        assert_eq!(
            say(Command::new("sh"), &task.nsenter_hint()),
            "nameserver 10.74.0.1\n"
        );
        let program = program::copy();
        let mut keeper = keep_task(as_nobody(&program.path));
        let hint = BufReader::new(keeper.stdout.as_mut().unwrap())
            .lines()
            .nth(1)
            .unwrap()
            .unwrap();
        assert!(
            hint.ends_with(" --user --preserve-credentials --net --mount"),
            "{hint}"
        );
        assert_eq!(say(as_nobody("sh"), &hint), "nameserver 10.74.0.1\n");
        keeper.kill().unwrap();
        keeper.wait().unwrap();
    } else {
        // From inside the user namespace it cannot be entered again; the rest of the words must do.
        let inside = task.nsenter_hint().replace(" --user --preserve-credentials", "");
        assert_eq!(say(Command::new("sh"), &inside), "nameserver 10.74.0.1\n");
    }
}

/// The resolver that a command after the hint's words sees.
fn say(mut shell: Command, hint: &str) -> String {
    let output = shell
        .args(["-c", &format!("{hint} cat /etc/resolv.conf")])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{hint}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A user namespace may forbid further ones to itself; root in it without capabilities is a user like any other.
fn a_machine_without_namespaces_says_why() {
    let program = program::copy();
    let check = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all \"$0\" program check";
    let output = Command::new("unshare")
        .args(["-Ur", "sh", "-c", check])
        .arg(&program.path)
        .output()
        .unwrap();
    let expected = "tasks cannot be made on this machine:\n- user.max_user_namespaces is 0: run as root, or allow user \
                    namespaces with `sysctl -w user.max_user_namespaces=15000`";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

fn nothing_is_left_on_the_machine() {
    let before = machine();
    let network = Network::create(NetworkOptions::default()).unwrap();
    let options = TaskOptions {
        interception: Some(Default::default()),
        ..TaskOptions::new("passing")
    };
    let task = network.task(options).unwrap();
    assert!(task.command("true").output().unwrap().status.success());
    assert_eq!(machine(), before, "while the task lives");
    drop((task, network));
    assert_eq!(machine(), before, "after it");
    let open = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = open.filter_map(|thread| std::fs::read_to_string(thread.path().join("comm")).ok());
    assert_eq!(
        names
            .filter(|name| matches!(name.trim(), "task" | "network"))
            .count(),
        0
    );
}

/// What this thread sees of links, addresses, routes, rules, mounts and named network namespaces.
fn machine() -> Vec<String> {
    // Listings without what changes by itself: lifetimes of leases, packet counters.
    let listings = [
        "ip -brief link",
        "ip -brief addr",
        "ip -4 route",
        "ip netns list",
        "nft --stateless list ruleset",
    ];
    let mut state: Vec<String> = listings.map(listing).into();
    state.push(std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap());
    state
}

fn listing(words: &str) -> String {
    let mut words = words.split(' ');
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
    let output = Command::new(words.next().unwrap())
        .args(words)
        .env("PATH", path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A process that keeps a task; it ends with its input.
fn keep_task(mut program: Command) -> Child {
    program
        .args(["program", "keep-task"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn first_line(child: &mut Child) -> String {
    BufReader::new(child.stdout.as_mut().unwrap())
        .lines()
        .next()
        .unwrap()
        .unwrap()
}

fn handle(pid: &str) -> OwnedFd {
    pidfd_open(Pid::from_raw(pid.parse().unwrap()).unwrap(), PidfdFlags::empty()).unwrap()
}

fn wait_for_end(process: &OwnedFd) {
    let patience = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    let ended = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&patience)).unwrap();
    assert_eq!(ended, 1, "the process lives on");
}
