//! The demo as a user runs it: the table it ends with, and how it is ended.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep};

use crate::support::client;
use crate::testbed::{Process, Signal};

/// The longest wait for anything: as others compile on the same machine, far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks at what the demo has printed.
const PAUSE: Duration = Duration::from_millis(20);

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

/// Waits until the demo has printed `text`.
async fn await_text(demo: &mut Process, text: &str) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    while !demo.log().contains(text) {
        demo.ensure_running()?;
        let log = demo.log_tail();
        anyhow::ensure!(Instant::now() < deadline, "no {text:?} in:\n{log}");
        sleep(PAUSE).await;
    }
    Ok(demo.log())
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
    let stock = gigabytes(&text, "kube-scheduler alone")?;
    let dunnage = gigabytes(&text, "with dunnage")?;
    let least = gigabytes(&text, "least possible")?;
    assert!(least <= dunnage && dunnage < stock, "{text}");
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
    let text = await_text(&mut demo, "pods placed").await?;
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
