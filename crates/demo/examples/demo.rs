//! The demonstration without the `evermesh` command: `demo [--once] [--json] [--api-listen A] [--requests N]
//! [--rate N] [--proxy FILE] [--envoy-path FILE]`.

use std::process::ExitCode;

use evermesh_demo::{CHILD_SUBCOMMAND, DemoOptions};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == CHILD_SUBCOMMAND).is_some() {
        return evermesh_demo::child_main(arguments);
    }
    let mut options = DemoOptions::default();
    let mut words = arguments.map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("the option takes a value");
        match word.as_str() {
            "--once" => options.once = true,
            "--json" => options.json = true,
            "--api-listen" => options.api_listen = Some(value().parse().expect("an address")),
            "--requests" => options.requests_per_step = value().parse().expect("a number"),
            "--rate" => options.rate = value().parse().expect("a number"),
            "--proxy" => options.proxy_binary = Some(value().into()),
            "--envoy-path" => options.envoy_path = Some(value().into()),
            other => panic!("no such option: {other}"),
        }
    }
    evermesh_demo::main(&options)
}
