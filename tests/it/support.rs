//! `dunnage serve`, and whatever of ours has an admin port, as a process on free ports; requests to it.
//!
//! Waits for conditions of the server by asking it, never by sleeping a guessed time.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::testbed::{Process, free_ports};

/// The pause between two questions to the server: short against the second that it takes to sync.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest wait for a condition: thirty times what an idle machine needs, as others compile too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Our program. Measurements name an optimised one; everything else runs the one built with the tests.
pub fn program() -> String {
    std::env::var("DUNNAGE_PROGRAM").unwrap_or(env!("CARGO_BIN_EXE_dunnage").to_owned())
}

/// The text of the default policy with other numbers.
pub fn changed_policy(numbers: &[(&str, f64)]) -> Result<String> {
    let mut policy = include_str!("../../policy/default.yaml").to_owned();
    for (key, number) in numbers {
        let found: Vec<_> = policy.match_indices(&format!("  {key}: ")).collect();
        ensure!(found.len() == 1, "{key} is {} times in the policy", found.len());
        let from = found[0].0 + found[0].1.len();
        let to = from + policy[from..].find('\n').unwrap_or(0);
        policy.replace_range(from..to, &number.to_string());
    }
    Ok(policy)
}

/// A program of ours with an admin port. Dropping it kills it.
pub struct Served {
    process: Process,
    /// `http://127.0.0.1:PORT` of the admin port.
    pub admin_url: String,
}

impl Served {
    /// Starts a command that has its admin port at `port`, its log in a file; returns once `/livez` answers.
    pub async fn start(name: &str, command: &Command, log: &Path, port: u16) -> Result<Self> {
        let process = Process::spawn(name, command, log)?;
        let mut served = Self { process, admin_url: format!("http://127.0.0.1:{port}") };
        served.await_answer("/livez", |status, _| status == 200).await?;
        Ok(served)
    }

    /// Waits until a page of the admin port is as `wanted`, given its status and text.
    pub async fn await_answer(
        &mut self,
        path: &str,
        wanted: impl Fn(u16, &str) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.process.ensure_running()?;
            let answer = self.get(path).await;
            if answer.as_ref().is_ok_and(|(status, text)| wanted(*status, text)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "{path} not as wanted after {PATIENCE:?}: {answer:?}\n{}",
                    self.process.log_tail()
                );
            }
            sleep(PAUSE).await;
        }
    }

    /// Status and text of a page of the admin port.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let response = client().get(format!("{}{path}", self.admin_url)).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// The value of a metric line that starts with `name`, labels included; 0 if there is none.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        let (_, text) = self.get("/metrics").await?;
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit(' ').next());
        Ok(value.map_or(Ok(0.0), str::parse)?)
    }

    /// The process itself, to signal it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A running `dunnage serve`: what [`Served`] can, and the extender port. Dropping it kills it.
pub struct Extender {
    served: Served,
    command: Command,
    log: PathBuf,
    admin_port: u16,
    /// `http://127.0.0.1:PORT` of the extender port.
    pub url: String,
}

impl Deref for Extender {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl DerefMut for Extender {
    fn deref_mut(&mut self) -> &mut Served {
        &mut self.served
    }
}

impl Extender {
    /// Starts a server on free ports; its log goes to a file in `dir`. Returns once `/livez` answers.
    pub async fn start(dir: &Path, kubeconfig: &Path, flags: &[&str]) -> Result<Self> {
        let [port, admin_port] = free_ports()?;
        let mut command = Command::new(program());
        command.arg("serve").arg("--kubeconfig").arg(kubeconfig);
        command.arg(format!("--listen=127.0.0.1:{port}"));
        command.arg(format!("--admin-listen=127.0.0.1:{admin_port}")).args(flags);
        let log = dir.join(format!("dunnage-{port}.log"));
        let served = Served::start("dunnage", &command, &log, admin_port).await?;
        let scheme =
            if flags.iter().any(|flag| flag.starts_with("--tls-cert")) { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{port}");
        Ok(Self { served, command, log, admin_port, url })
    }

    /// Starts the server anew after it was killed, on the same ports.
    pub async fn restart(&mut self) -> Result<()> {
        self.served.process.kill();
        self.served = Served::start("dunnage", &self.command, &self.log, self.admin_port).await?;
        Ok(())
    }

    /// Waits until the server says that it is ready.
    pub async fn await_ready(&mut self) -> Result<()> {
        self.await_answer("/readyz", |status, _| status == 200).await
    }

    /// Status, neutral reason and text of the answer to a prioritize body.
    pub async fn prioritize(&self, body: impl Into<reqwest::Body>) -> Result<Answer> {
        let request = client().post(format!("{}/prioritize", self.url));
        let response = request.header("content-type", "application/json").body(body).send().await?;
        let neutral = response.headers().get("dunnage-neutral");
        let neutral = neutral.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let status = response.status().as_u16();
        Ok(Answer { status, neutral, text: response.text().await? })
    }
}

/// An answer of the extender port.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The `dunnage-neutral` header, empty without one.
    pub neutral: String,
    /// The body.
    pub text: String,
}

impl Answer {
    /// Host and score of each entry, in the order answered.
    pub fn scores(&self) -> Result<Vec<(String, i64)>> {
        let list: Vec<Value> = serde_json::from_str(&self.text)?;
        let entry =
            |entry: &Value| Some((entry["Host"].as_str()?.to_owned(), entry["Score"].as_i64()?));
        list.iter().map(entry).collect::<Option<_>>().context("entries of Host and Score")
    }
}

/// A request body as kube-scheduler sends it with `nodeCacheCapable: true`.
pub fn extender_args(pod: &Value, node_names: &[String]) -> String {
    serde_json::json!({ "Pod": pod, "Nodes": null, "NodeNames": node_names }).to_string()
}

/// An HTTP client that takes any certificate.
pub fn client() -> reqwest::Client {
    static PROVIDER: std::sync::Once = std::sync::Once::new();
    // Fails only where another test has installed it.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let builder = reqwest::Client::builder().tls_danger_accept_invalid_certs(true);
    builder.build().expect("a client without special needs")
}
