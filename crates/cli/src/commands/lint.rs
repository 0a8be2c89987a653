//! `evermesh lint`: what is wrong with meshes, in files or in a control plane.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use evermesh_client::{Client, Document, Problem, Problems, check_references, read_documents};
use evermesh_control_plane::admin::DiagnosticJson;
use serde::{Deserialize, Serialize};

use crate::arguments::AccountId;
use crate::offline;
use crate::output;
use crate::remote::Remote;

const EXAMPLES: &str = "\
With files no control plane is asked: they are taken to be all there is. Without files, the meshes of the control plane \
are looked at. Exits with 1 when there is an error, warnings are none.

Examples:
  evermesh lint -f mesh/
  evermesh lint --endpoint http://10.0.0.5:7070
  evermesh lint -f mesh.yaml -o json
";

/// Code of what keeps a document from being a resource at all.
const INVALID_DOCUMENT: &str = "invalid-document";
/// Code of the graph for a reference to what does not exist; here all of them are found, and with their place.
const DANGLING_REFERENCE: &str = "dangling-reference";
const ERROR: &str = "error";

/// Arguments of `lint`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// File or directory with resources; - is standard input. May be given several times.
    #[arg(long = "filename", short, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Account that owns meshes whose documents have no meshOwner [default: 000000000000].
    #[arg(long, env = "EVERMESH_ACCOUNT_ID", value_name = "ID")]
    account_id: Option<AccountId>,
    #[command(flatten)]
    remote: Remote,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t = TextFormat::Text)]
    output: TextFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TextFormat {
    /// A line per diagnostic.
    Text,
    Json,
}

/// A diagnostic, and where it was written down if that was in a file.
#[derive(Debug, Serialize)]
struct Finding {
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(flatten)]
    diagnostic: DiagnosticJson,
}

/// Prints what is wrong.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let findings = if arguments.files.is_empty() {
        let client = arguments.remote.connect().await?;
        let live = live_diagnostics(&client).await?;
        live.into_iter()
            .map(|diagnostic| Finding {
                place: None,
                diagnostic,
            })
            .collect()
    } else {
        let account = arguments.account_id.clone().unwrap_or_default();
        in_files(&arguments.files, account.as_str())
    };
    output::print(&match arguments.output {
        TextFormat::Text => findings.iter().map(line).collect(),
        TextFormat::Json => output::to_json(&findings),
    })?;
    let is_error = |finding: &Finding| finding.diagnostic.severity == ERROR;
    Ok(if findings.iter().any(is_error) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The diagnostics of a control plane's meshes.
pub(crate) async fn live_diagnostics(client: &Client) -> Result<Vec<DiagnosticJson>> {
    #[derive(Deserialize)]
    struct Diagnostics {
        diagnostics: Vec<DiagnosticJson>,
    }
    let Diagnostics { diagnostics } = client.get_json("/evermesh/diagnostics").await?;
    Ok(diagnostics)
}

fn in_files(files: &[PathBuf], account: &str) -> Vec<Finding> {
    let documents = match read_documents(files, account) {
        Ok(documents) => documents,
        Err(Problems(problems)) => {
            return problems
                .into_iter()
                .map(|found| problem(INVALID_DOCUMENT, found))
                .collect();
        }
    };
    let (snapshot, assumed) = offline::snapshot(&documents);
    let is_assumed = |id: &evermesh_model::ResourceId| id.parent().is_none() && assumed.contains(id.mesh());
    let Problems(dangling) = check_references(&documents, is_assumed);
    let mut findings: Vec<Finding> = dangling
        .into_iter()
        .map(|found| problem(DANGLING_REFERENCE, found))
        .collect();
    let places = places(&documents);
    let diagnostics = snapshot.meshes().flat_map(|mesh| evermesh_graph::lint(mesh));
    findings.extend(
        diagnostics
            .filter(|diagnostic| diagnostic.code != DANGLING_REFERENCE)
            .map(|diagnostic| Finding {
                place: places.get(&diagnostic.resource).map(|place| (*place).to_owned()),
                diagnostic: DiagnosticJson::from(&diagnostic),
            }),
    );
    findings
}

fn places(documents: &[Document]) -> HashMap<&evermesh_model::ResourceId, &str> {
    let places = documents
        .iter()
        .map(|document| (&document.manifest.id, document.place.as_str()));
    places.collect()
}

fn problem(code: &str, Problem { place, message }: Problem) -> Finding {
    Finding {
        place: Some(place),
        diagnostic: DiagnosticJson {
            severity: ERROR.to_owned(),
            code: code.to_owned(),
            mesh_owner: String::new(),
            resource: String::new(),
            path: String::new(),
            message,
        },
    }
}

/// As compilers do it: where, how bad, what.
fn line(finding: &Finding) -> String {
    let Finding { place, diagnostic } = finding;
    let parts = [
        place.as_deref().unwrap_or_default(),
        &format!("{}[{}]", diagnostic.severity, diagnostic.code),
        &diagnostic.resource,
        &diagnostic.path,
        &diagnostic.message,
    ];
    let shown: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}\n", shown.join(": "))
}
