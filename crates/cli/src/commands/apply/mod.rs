//! `evermesh apply`: bring meshes to what files say.

mod diff;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use evermesh_client::{Action, Client, Plan, Step, apply_step, read_documents, read_held};
use evermesh_model::MeshId;
use serde::Serialize;

use crate::arguments::MeshName;
use crate::output::{self, Format};
use crate::remote::Remote;

const EXAMPLES: &str = "\
Files hold what `aws appmesh create-... --cli-input-json` takes, in JSON (one or several values, or a list) or YAML (one \
or several documents). The kind of each resource follows from its names. All problems of all files are told before \
anything is changed. What exists and is as written is left alone, so applying twice changes nothing. A document without \
tags leaves the tags that there are.

Steps are done one after another: what is referred to is created first, and deleted last. When one fails, what was done \
stays done; mend it and apply again.

Examples:
  evermesh apply -f mesh.yaml
  evermesh apply -f mesh/ -f extra.json --dry-run
  evermesh apply -f mesh/ --prune pgMesh
  evermesh export --mesh pgMesh | sed s/v1/v2/ | evermesh apply -f -
";

/// Arguments of `apply`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// File, directory (its .json, .yaml and .yml files), or - for standard input. May be given several times.
    #[arg(long = "filename", short, value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Show what would change, as a diff, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Delete what is in this mesh (NAME or NAME@OWNER) but in none of the files; never the mesh itself.
    #[arg(long, value_name = "MESH")]
    prune: Vec<MeshName>,
    #[command(flatten)]
    remote: Remote,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// What became of a resource.
#[derive(Debug, Serialize)]
struct Outcome {
    resource: String,
    action: &'static str,
}

impl Outcome {
    fn new(step: &Step, action: &'static str) -> Self {
        Self {
            resource: step.id.to_string(),
            action,
        }
    }
}

/// Applies files, or shows what that would do.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = arguments.remote.connect().await?;
    let documents = read_documents(&arguments.files, client.account())?;
    let prune: Vec<MeshId> = arguments
        .prune
        .iter()
        .map(|mesh| mesh.of(client.account()))
        .collect();
    let held = read_held(&client, &documents, &prune).await?;
    let plan = Plan::new(&documents, &held, &prune)?;
    if arguments.dry_run {
        return preview(arguments, &client, &plan);
    }
    let (outcomes, failure) = carry_out(&client, &plan).await;
    print(arguments.output, &outcomes)?;
    failure.map_or(Ok(ExitCode::SUCCESS), Err)
}

/// Does step after step, until one fails; answers with what became of each.
async fn carry_out(client: &Client, plan: &Plan) -> (Vec<Outcome>, Option<anyhow::Error>) {
    let mut outcomes = Vec::new();
    let mut failure = None;
    for step in &plan.steps {
        if failure.is_some() {
            outcomes.push(Outcome::new(step, "not tried"));
            continue;
        }
        let (verb, done) = words(step.action());
        match apply_step(client, step).await {
            Ok(()) => outcomes.push(Outcome::new(step, done)),
            Err(error) => {
                outcomes.push(Outcome::new(step, "failed"));
                failure = Some(anyhow::Error::new(error).context(format!("cannot {verb} {}", step.id)));
            }
        }
    }
    (outcomes, failure)
}

fn preview(arguments: &Arguments, client: &Client, plan: &Plan) -> Result<ExitCode> {
    if arguments.output == Format::Table {
        let colour =
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut text = String::new();
        for step in &plan.steps {
            text.push_str(&diff::diff(step, client.account(), colour));
        }
        text.push_str(&totals(plan));
        output::print(&text)?;
    } else {
        let outcomes: Vec<Outcome> = plan
            .steps
            .iter()
            .map(|step| Outcome::new(step, words(step.action()).1))
            .collect();
        print(arguments.output, &outcomes).context("dry run")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(format: Format, outcomes: &[Outcome]) -> Result<()> {
    output::print_as(format, &outcomes, || {
        let rows = outcomes
            .iter()
            .map(|outcome| vec![outcome.resource.clone(), outcome.action.to_owned()]);
        output::table(&["RESOURCE", "ACTION"], rows)
    })
}

/// One line that says how much would change.
fn totals(plan: &Plan) -> String {
    let count = |action: Action| plan.steps.iter().filter(|step| step.action() == action).count();
    format!(
        "dry run: {} to create, {} to update, {} to delete, {} unchanged\n",
        count(Action::Create),
        count(Action::Update),
        count(Action::Delete),
        count(Action::Unchanged)
    )
}

/// The verb, and what has happened when it is done.
fn words(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Create => ("create", "created"),
        Action::Update => ("update", "updated"),
        Action::Unchanged => ("leave", "unchanged"),
        Action::Delete => ("delete", "deleted"),
    }
}
