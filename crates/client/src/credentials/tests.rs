//! Where credentials are looked for, in which order, and what is said of those that cannot be used.

use std::fs;

use tempfile::TempDir;

use super::*;

const WRITTEN: &str = "\
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = s3cr3t

[ci]
aws_access_key_id = AKIACI
aws_secret_access_key = hush
aws_session_token = t0ken

[role]
role_arn = arn:aws:iam::123456789012:role/r

[half]
aws_access_key_id = AKIAHALF
";

/// A home directory with a credentials file.
fn home() -> (TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(FILE_AT_HOME), WRITTEN).unwrap();
    let path = home.path().to_str().unwrap().to_owned();
    (home, path)
}

fn find(variables: &[(&str, &str)]) -> Result<Option<Credentials>, CredentialsError> {
    Credentials::find("us-west-2", |name| {
        let found = variables.iter().find(|(set, _)| *set == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// Id, secret and token.
fn parts(found: Result<Option<Credentials>, CredentialsError>) -> Option<(String, String, Option<String>)> {
    found.unwrap().map(|credentials| {
        let key = credentials.signer.key();
        let token = key.token().map(|token| token.expose().to_owned());
        (key.id().to_owned(), key.secret().expose().to_owned(), token)
    })
}

fn of(id: &str, secret: &str, token: Option<&str>) -> Option<(String, String, Option<String>)> {
    Some((id.to_owned(), secret.to_owned(), token.map(str::to_owned)))
}

#[test]
fn variables_go_before_the_file() {
    let (_home, path) = home();
    let in_variables = [
        ("HOME", path.as_str()),
        (ID, "AKIAVAR"),
        (SECRET, "s"),
        (PROFILE, "ci"),
    ];
    assert_eq!(parts(find(&in_variables)), of("AKIAVAR", "s", None));
    let with_token = [&in_variables[..], &[(TOKEN, "t")]].concat();
    assert_eq!(parts(find(&with_token)), of("AKIAVAR", "s", Some("t")));
    let empty = [("HOME", path.as_str()), (ID, ""), (SECRET, "")];
    assert_eq!(parts(find(&empty)), of("AKIADEFAULT", "s3cr3t", None));
}

#[test]
fn a_profile_and_a_file_may_be_chosen() {
    let (home, path) = home();
    let home_is = ("HOME", path.as_str());
    assert_eq!(
        parts(find(&[home_is, (PROFILE, "ci")])),
        of("AKIACI", "hush", Some("t0ken"))
    );
    let other = home.path().join("other");
    fs::write(
        &other,
        "[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n",
    )
    .unwrap();
    let found = find(&[home_is, (FILE, other.to_str().unwrap())]);
    let shown = found.as_ref().unwrap().as_ref().unwrap().to_string();
    let expected = format!(
        "the access key AKIAOTHER of the profile default in {}",
        other.display()
    );
    assert_eq!(shown, expected);
    assert_eq!(parts(found), of("AKIAOTHER", "x", None));
}

#[test]
fn nothing_is_signed_when_nobody_gave_credentials() {
    let (home, path) = home();
    assert_eq!(parts(find(&[])), None);
    let nowhere = home.path().join("nowhere");
    assert_eq!(parts(find(&[("HOME", nowhere.to_str().unwrap())])), None);
    assert_eq!(parts(find(&[("HOME", &path), (FILE, "/dev/null")])), None);
}

#[test]
fn what_cannot_be_used_is_named_without_a_secret() {
    let (home, path) = home();
    let nonsense = home.path().join("nonsense");
    fs::write(&nonsense, "[default]\nAKIA s3cr3t\n").unwrap();
    let nonsense = nonsense.to_str().unwrap();
    let home_is = ("HOME", path.as_str());
    let file = format!("{path}/{FILE_AT_HOME}");
    for (variables, message) in [
        (
            vec![(ID, "AKIA")],
            "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not; set both, or neither".to_owned(),
        ),
        (
            vec![(SECRET, "s3cr3t")],
            "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not; set both, or neither".to_owned(),
        ),
        (
            vec![home_is, (PROFILE, "role")],
            format!(
                "AWS_PROFILE is role, of which {file} has no access key; access keys are all that these commands \
                 understand"
            ),
        ),
        (
            vec![home_is, (PROFILE, "half")],
            format!(
                "cannot take credentials from {file}: profile half of the credentials file lacks \
                 aws_secret_access_key"
            ),
        ),
        (
            vec![(FILE, nonsense)],
            format!(
                "cannot take credentials from {nonsense}: line 2 of the credentials file is neither [profile] nor \
                 name = value"
            ),
        ),
        (
            vec![(ID, "AKIA"), (SECRET, "s3cr3t"), (TOKEN, "a\nb")],
            "cannot sign with the credentials of the variable AWS_ACCESS_KEY_ID: the session token has other \
             characters than letters, digits and punctuation"
                .to_owned(),
        ),
    ] {
        assert_eq!(said(&find(&variables).unwrap_err()), message);
    }
}

/// An error with its causes.
fn said(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", said(source)),
        None => error.to_string(),
    }
}
