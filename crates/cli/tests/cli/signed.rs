//! A control plane with a credentials file: who is let in, what the others get to know, and what stays open.

use std::fs;

use tempfile::TempDir;

use crate::harness::MESH;
use crate::serve::Serving;

/// The control plane's file is in the clients' own form, so it serves as a client's file here too.
const CREDENTIALS: &str = "\
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = s3cret/+=

[ci]
aws_access_key_id = AKIACI
aws_secret_access_key = hush
aws_session_token = t0ken/+=
aws_account_id = 210987654321
";
const KNOWN: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIADEFAULT"),
    ("AWS_SECRET_ACCESS_KEY", "s3cret/+="),
];

struct Guarded {
    serving: Serving,
    files: TempDir,
}

impl Guarded {
    fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let file = files.path().join("credentials");
        fs::write(&file, CREDENTIALS).unwrap();
        let serving = Serving::start(|command| {
            command.arg("--credentials-file").arg(&file);
        });
        Self { serving, files }
    }

    /// Path of a file with this text.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn every_command_signs_with_the_credentials_that_there_are() {
    let guarded = Guarded::start();
    let run = |arguments: &[&str]| guarded.serving.run_with(arguments, &KNOWN);
    let file = guarded.write("mesh.yaml", MESH);
    run(&["apply", "-f", &file]).ok();
    assert_eq!(run(&["list", "meshes"]).rows().len(), 1);
    assert_eq!(run(&["list", "all"]).rows().len(), 8);
    run(&["get", "route", "r/x"]).ok();
    run(&["describe", "vn", "n"]).ok();
    run(&["export"]).ok();
    assert!(run(&["proxies"]).rows().is_empty());
    run(&["lint"]).ok();
    // Deletes, and changes tags, whose requests have ARNs in their query strings.
    let file = guarded.write(
        "mesh.yaml",
        "meshName: pg\ntags: [{key: ' a/b+c ', value: 'ü=&'}]\n",
    );
    run(&["apply", "-f", &file, "--prune", "pg"]).ok();
    assert_eq!(run(&["list", "all"]).rows().len(), 1);
}

#[test]
fn a_profile_says_whose_requests_these_are_and_the_region_where() {
    let guarded = Guarded::start();
    let home = guarded.files.path().join("home");
    fs::create_dir_all(home.join(".aws")).unwrap();
    fs::write(home.join(".aws/credentials"), CREDENTIALS).unwrap();
    let at_home = ("HOME", home.to_str().unwrap());
    let in_file = guarded.files.path().join("credentials");
    let in_file = ("AWS_SHARED_CREDENTIALS_FILE", in_file.to_str().unwrap());
    let ci = ("AWS_PROFILE", "ci");
    for (name, variables, flags, arn) in [
        ("a", vec![at_home], [].as_slice(), "us-west-2:000000000000"),
        ("b", vec![at_home, ci], &[], "us-west-2:210987654321"),
        (
            "c",
            vec![in_file, ci, ("AWS_REGION", "eu-west-1")],
            &[],
            "eu-west-1:210987654321",
        ),
        (
            "d",
            vec![in_file, ("AWS_DEFAULT_REGION", "eu-west-2")],
            &[],
            "eu-west-2:000000000000",
        ),
        (
            "e",
            vec![in_file, ("AWS_REGION", "eu-west-1")],
            &["--region", "eu-west-3"],
            "eu-west-3:000000000000",
        ),
    ] {
        let file = guarded.write("mesh.yaml", &format!("meshName: {name}\n"));
        let run = |arguments: &[&str]| guarded.serving.run_with(&[arguments, flags].concat(), &variables);
        run(&["apply", "-f", &file]).ok();
        let shown = run(&["get", "mesh", name]).ok();
        assert!(
            shown.contains(&format!("arn:aws:appmesh:{arn}:mesh/{name}")),
            "{shown}"
        );
    }
}

#[test]
fn who_is_not_let_in_learns_why() {
    let guarded = Guarded::start();
    let id = |id| ("AWS_ACCESS_KEY_ID", id);
    let secret = |secret| ("AWS_SECRET_ACCESS_KEY", secret);
    for (variables, code, parts) in [
        (
            vec![],
            1,
            [
                "answers signed requests only",
                "set AWS_ACCESS_KEY_ID",
                "(MissingAuthenticationToken)",
            ],
        ),
        (
            vec![id("AKIADEFAULT"), secret("wr0ng")],
            1,
            [
                "does not accept the access key AKIADEFAULT of the variable AWS_ACCESS_KEY_ID",
                "does not match the signature",
                "(SignatureDoesNotMatch)",
            ],
        ),
        (
            vec![id("AKIASTRANGER"), secret("wr0ng")],
            1,
            [
                "the access key AKIASTRANGER",
                "is not known here",
                "(InvalidClientTokenId)",
            ],
        ),
        (
            vec![id("AKIACI"), secret("hush"), ("AWS_SESSION_TOKEN", "wr0ng")],
            1,
            [
                "the access key AKIACI",
                "security token",
                "(InvalidClientTokenId)",
            ],
        ),
        (
            vec![id("AKIADEFAULT")],
            2,
            ["AWS_ACCESS_KEY_ID is set", "AWS_SECRET_ACCESS_KEY is not", ""],
        ),
        (
            vec![("AWS_REGION", "US West")],
            2,
            ["AWS_REGION: a region is lower case", "", ""],
        ),
    ] {
        for command in ["proxies", "lint"] {
            let error = guarded.serving.run_with(&[command], &variables).fails(code);
            for part in parts {
                assert!(error.contains(part), "{part}: {error}");
            }
            assert!(!error.contains("wr0ng") && !error.contains("hush"), "{error}");
        }
    }
}

#[test]
fn views_are_closed_to_strangers_and_health_is_not() {
    let guarded = Guarded::start();
    for view in ["/evermesh/proxies", "/evermesh/diagnostics", "/v20190125/meshes"] {
        let answer = guarded.serving.get(view);
        assert!(answer.starts_with("HTTP/1.1 403"), "{view}: {answer}");
        assert!(
            answer.contains("MissingAuthenticationTokenException"),
            "{view}: {answer}"
        );
    }
    let health = guarded.serving.get("/healthz");
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
}
