//! etcd and kube-apiserver: how they are set up, started and found ready.
//!
//! RBAC decides as in any cluster. Left out on purpose: a controller manager
//! (no garbage collection, no default service accounts) and kubelets (pods are
//! bound and stay pending).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};

use super::access::{Access, client_of};
use super::binaries::binary;
use super::ports::{free_ports, retry_taken_port};
use super::process::Process;
use super::readiness::await_ready;
use super::run_dir::RunDir;

/// Two control planes at once are too much for a machine of two cores: the
/// tests of one binary take turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// How long a service account's token is valid. The API server grants no less
/// than ten minutes; no test lasts an hour.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// A running control plane without a scheduler.
// Dropped from top to bottom: servers, their directory, the turn.
pub struct ControlPlane {
    api_server: Process,
    etcd: Process,
    access: Access,
    client: Client,
    kubeconfig: PathBuf,
    dir: RunDir,
    _turn: MutexGuard<'static, ()>,
}

impl ControlPlane {
    /// Waits for its turn, starts the servers and waits until they are ready.
    pub async fn start() -> Result<Self> {
        retry_taken_port(async || Self::start_once().await).await
    }

    async fn start_once() -> Result<Self> {
        let turn = TURN.lock().await;
        let dir = RunDir::make()?;
        let [client_port, peer_port, port] = free_ports()?;
        let access = Access::make(&dir, port)?;
        let kubeconfig = dir.join("admin.kubeconfig");
        access.write_kubeconfig(&kubeconfig, &access.token)?;
        let etcd = start_etcd(&dir, client_port, peer_port).await?;
        let mut api_server = start_api_server(&dir, client_port, port).await?;
        let client = client_of(&kubeconfig).await?;
        await_ready(&mut api_server, async || is_ready(&client).await).await?;
        Ok(Self { api_server, etcd, access, client, kubeconfig, dir, _turn: turn })
    }

    /// The kubeconfig file of the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client with the administrator's rights.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The address of the API server.
    pub fn url(&self) -> &str {
        &self.access.url
    }

    /// The certificate to trust, as kubeconfig files hold it: PEM in base64.
    pub fn ca_data(&self) -> &str {
        &self.access.ca_data
    }

    /// The directory of this run, for the files of what a test starts itself.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The API server's process, for a test that makes it hang.
    pub fn api_server(&self) -> &Process {
        &self.api_server
    }

    /// The store's process, for a test that makes it hang.
    pub fn etcd(&self) -> &Process {
        &self.etcd
    }

    /// A kubeconfig file with a token of a service account that exists: who
    /// uses it has that account's rights and no others.
    pub async fn kubeconfig_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let wanted = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(i64::try_from(TOKEN_LIFE.as_secs())?),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let granted = accounts.create_token_request(name, &PostParams::default(), &wanted).await?;
        let token = granted.status.and_then(|status| status.token);
        let token = token.context("the API server granted no token")?;
        let path = self.dir.join(&format!("{namespace}-{name}.kubeconfig"));
        self.access.write_kubeconfig(&path, &token)?;
        Ok(path)
    }
}

/// Ready is: the server says so, and pods can be made in `default`.
async fn is_ready(client: &Client) -> Result<()> {
    client.request_text(http_get("/readyz")?).await?;
    Api::<Namespace>::all(client.clone()).get("default").await?;
    Ok(())
}

/// A request without a body, as `kube::Client` takes it.
pub fn http_get(path: &str) -> Result<http::Request<Vec<u8>>> {
    Ok(http::Request::get(path).body(Vec::new())?)
}

async fn start_etcd(dir: &RunDir, client_port: u16, peer_port: u16) -> Result<Process> {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    let mut command = Command::new(binary("etcd").await?);
    command.arg("--data-dir").arg(dir.join("etcd"));
    command.arg("--unsafe-no-fsync"); // nothing in it outlives the test
    command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    command.args(["--initial-cluster", &format!("default={peer}")]);
    let mut etcd = Process::spawn("etcd", &command, &dir.join("etcd.log"))?;
    await_ready(&mut etcd, async || {
        TcpStream::connect(("127.0.0.1", client_port)).await?;
        Ok(())
    })
    .await?;
    Ok(etcd)
}

async fn start_api_server(dir: &RunDir, etcd_port: u16, port: u16) -> Result<Process> {
    let mut command = Command::new(binary("kube-apiserver").await?);
    let mut file = |flag: &str, name: &str| {
        command.arg(flag).arg(dir.join(name));
    };
    file("--tls-cert-file", "serving.crt");
    file("--tls-private-key-file", "serving.key");
    file("--service-account-key-file", "accounts.pub");
    file("--service-account-signing-key-file", "accounts.key");
    file("--token-auth-file", "tokens.csv");
    command.args(["--service-account-issuer", "https://kubernetes.default.svc"]);
    command.args(["--service-cluster-ip-range", "10.0.0.0/24"]);
    command.args(["--etcd-servers", &format!("http://127.0.0.1:{etcd_port}")]);
    command.args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()]);
    // Nobody comes by the service `kubernetes`; a loopback address is not
    // allowed as its endpoint.
    command.args(["--advertise-address", "127.0.0.1", "--endpoint-reconciler-type", "none"]);
    command.args(["--authorization-mode", "Node,RBAC"]);
    // ServiceAccount wants accounts that a controller makes. TaintNodesByCondition
    // would taint each new node as not ready, and no controller lifts that.
    // Priority wants classes that pods of a test do not name.
    command.args(["--disable-admission-plugins", "ServiceAccount,TaintNodesByCondition,Priority"]);
    // A test's clients are few and in a hurry.
    command.arg("--enable-priority-and-fairness=false");
    Process::spawn("kube-apiserver", &command, &dir.join("kube-apiserver.log"))
}
