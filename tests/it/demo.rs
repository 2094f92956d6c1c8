//! The demo as a user runs it: the table it ends with, and how it is ended.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cli::Files;
use crate::support::client;
use crate::testbed::{Process, Signal};

/// The longest wait for anything: as others compile on the same machine, far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(dir: &tempfile::TempDir, flags: &[&str]) -> Result<Process> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_dunnage"));
    program.arg("demo").args(flags);
    Process::spawn("dunnage demo", &program, &dir.path().join("demo.log"))
}

/// Runs a demo to its end; its exit code and all that it printed.
async fn run(flags: &[&str]) -> Result<(Option<i32>, String)> {
    let dir = tempfile::tempdir()?;
    let mut demo = start(&dir, flags)?;
    let status = demo.exited(PATIENCE).await?;
    Ok((status.code(), demo.log()))
}

/// The GB moved in the row of that name.
fn gigabytes(table: &str, row: &str) -> Result<f64> {
    let cells = table.lines().find_map(|line| line.strip_prefix(row));
    let first = cells.and_then(|cells| cells.split_whitespace().next());
    let first = first.with_context(|| format!("no row {row:?} in:\n{table}"))?;
    Ok(first.parse()?)
}

const SMALL: [&str; 4] = ["--exit", "--pods=60", "--nodes=8", "--admin-listen=127.0.0.1:0"];

#[tokio::test]
async fn the_table_holds_us_against_the_stock_scheduler_and_the_bound() -> Result<()> {
    let (code, text) = run(&SMALL).await?;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("60 of 60 pods placed"), "{text}");
    let stock = gigabytes(&text, "kube-scheduler ")?;
    let dunnage = gigabytes(&text, "with dunnage")?;
    let least = gigabytes(&text, "least possible")?;
    assert!(least <= dunnage && dunnage < stock, "{text}");
    Ok(())
}

/// What is printed in the rows of that name, of both tables.
fn rows<'a>(tables: &'a str, name: &str) -> Vec<&'a str> {
    tables.lines().filter_map(|line| line.strip_prefix(name)).map(str::trim).collect()
}

#[tokio::test]
async fn simulate_gives_the_same_figures_on_the_scenario_of_the_demo() -> Result<()> {
    let images = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");
    let mut scenario = crate::tidy::text("simulations/demo.yaml");
    // Two pods a minute for each node, as with the demo's flags.
    for (whole, small) in [
        ("podsMax: 1500", "podsMax: 60"),
        ("count: 60", "count: 8"),
        ("12m 30s", "3m 45s"),
        ("../src/", images),
    ] {
        assert!(scenario.contains(whole), "{whole}");
        scenario = scenario.replace(whole, small);
    }
    let files = Files::new();
    files.write("demo.yaml", scenario);
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_dunnage"));
    let simulate = simulate.args(["simulate", "demo.yaml"]).current_dir(files.path()).output()?;
    let simulated = String::from_utf8(simulate.stdout)?;
    let (_, played) = run(&SMALL).await?;
    for (ours, theirs) in [("kube-scheduler ", "stock "), ("with dunnage ", "default ")] {
        assert_eq!(rows(&played, ours).len(), 2, "{played}");
        assert_eq!(rows(&played, ours), rows(&simulated, theirs), "{played}{simulated}");
    }
    Ok(())
}

#[tokio::test]
async fn a_seed_gives_the_same_run_again() -> Result<()> {
    // Ports differ from run to run, and only the head names them.
    let body = |text: String| text.split_once("\n\n").map(|(_, body)| body.to_owned());
    let (_, first) = run(&SMALL).await?;
    let (_, second) = run(&SMALL).await?;
    assert!(body(first.clone()).is_some(), "{first}");
    assert_eq!(body(first), body(second));
    Ok(())
}

#[tokio::test]
async fn the_page_is_up_while_pods_are_placed_and_ctrl_c_ends_it_well() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut demo = start(&dir, &["--admin-listen=127.0.0.1:0"])?;
    let text = demo.said("pods placed", PATIENCE).await?;
    let page = text.lines().find_map(|line| line.strip_prefix("Page: "));
    let page = page.with_context(|| format!("no page in:\n{text}"))?;
    let response = client().get(format!("{page}api/v1/summary")).send().await?;
    let summary: serde_json::Value = response.json().await?;
    assert_eq!(summary["ready"], true, "{summary}");
    assert!(summary["decisions"].as_u64() > Some(0), "{summary}");
    demo.signal(Signal::INT)?;
    assert_eq!(demo.exited(PATIENCE).await?.code(), Some(0), "{}", demo.log());
    Ok(())
}

#[tokio::test]
async fn a_taken_port_and_a_wrong_flag_are_told() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("--admin-listen={}", taken.local_addr()?);
    let (code, text) = run(&["--exit", &address]).await?;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("choose another with --admin-listen"), "{text}");
    let (code, text) = run(&["--nodes=0"]).await?;
    assert_eq!(code, Some(2), "{text}");
    Ok(())
}
