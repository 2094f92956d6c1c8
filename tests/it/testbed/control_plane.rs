//! etcd and kube-apiserver: how they are set up, started and found ready.
//!
//! RBAC decides as in any cluster. Left out on purpose: a controller manager
//! (no garbage collection, no default service accounts) and kubelets (pods are
//! bound and stay pending, unless `real` brings nodes).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
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

/// The right to run a control plane, held until it is dropped.
pub struct Turn {
    _held: MutexGuard<'static, ()>,
}

impl Turn {
    /// Waits until nobody else holds it.
    pub async fn take() -> Self {
        Self { _held: TURN.lock().await }
    }
}

/// A running control plane without a scheduler.
// Dropped from top to bottom: servers, their directory, the turn.
pub struct ControlPlane {
    servers: Servers,
    dir: RunDir,
    _turn: Turn,
}

/// What may have to be started a second time, on other ports.
struct Servers {
    api_server: Process,
    etcd: Process,
    access: Access,
    client: Client,
    kubeconfig: PathBuf,
    etcd_port: u16,
    address: Ipv4Addr,
    port: u16,
}

impl Servers {
    async fn start(dir: &RunDir, address: Ipv4Addr) -> Result<Self> {
        let [client_port, peer_port, port] = free_ports()?;
        let access = Access::make(dir, SocketAddrV4::new(address, port))?;
        let kubeconfig = dir.join("admin.kubeconfig");
        access.write_kubeconfig(&kubeconfig, &access.token)?;
        let etcd = start_etcd(dir, client_port, peer_port).await?;
        let mut api_server = start_api_server(dir, client_port, address, port).await?;
        let client = client_of(&kubeconfig).await?;
        await_ready(&mut api_server, async || is_ready(&client).await).await?;
        let etcd_port = client_port;
        Ok(Self { api_server, etcd, access, client, kubeconfig, etcd_port, address, port })
    }
}

impl ControlPlane {
    /// Waits for its turn, starts the servers and waits until they are ready.
    pub async fn start() -> Result<Self> {
        let turn = Turn::take().await;
        Self::start_in(turn, RunDir::make()?, Ipv4Addr::LOCALHOST).await
    }

    /// The same in a directory that exists, its API server at an address of
    /// this machine that others can reach.
    pub async fn start_in(turn: Turn, dir: RunDir, address: Ipv4Addr) -> Result<Self> {
        let servers = retry_taken_port(async || Servers::start(&dir, address).await).await?;
        Ok(Self { servers, dir, _turn: turn })
    }

    /// The kubeconfig file of the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.servers.kubeconfig
    }

    /// A client with the administrator's rights.
    pub fn client(&self) -> Client {
        self.servers.client.clone()
    }

    /// The address of the API server.
    pub fn url(&self) -> &str {
        &self.servers.access.url
    }

    /// The certificate to trust, as kubeconfig files hold it: PEM in base64.
    pub fn ca_data(&self) -> &str {
        &self.servers.access.ca_data
    }

    /// The directory of this run, for the files of what a test starts itself.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The API server's process, for a test that makes it hang.
    pub fn api_server(&self) -> &Process {
        &self.servers.api_server
    }

    /// The store's process, for a test that makes it hang.
    pub fn etcd(&self) -> &Process {
        &self.servers.etcd
    }

    /// Where the store answers, its metrics too.
    pub fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.servers.etcd_port)
    }

    /// Kills the API server and starts it anew where it was; returns once it is ready.
    pub async fn restart_api_server(&mut self) -> Result<()> {
        let Servers { api_server, client, etcd_port, address, port, .. } = &mut self.servers;
        api_server.kill();
        *api_server = start_api_server(&self.dir, *etcd_port, *address, *port).await?;
        await_ready(api_server, async || is_ready(client).await).await
    }

    /// A kubeconfig file with a token of a service account that exists: who
    /// uses it has that account's rights and no others.
    pub async fn kubeconfig_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf> {
        self.kubeconfig_with_token(namespace, name, None).await
    }

    /// The same with a token as a kubelet gets it for a pod, which then must
    /// exist: the API server says of who uses it on which node the pod is.
    pub async fn kubeconfig_for_pod(&self, pod: &Pod) -> Result<PathBuf> {
        let namespace = pod.metadata.namespace.as_deref().context("a pod without namespace")?;
        let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref());
        let bound = BoundObjectReference {
            kind: Some("Pod".to_owned()),
            api_version: Some("v1".to_owned()),
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
        };
        let account = account.context("a pod without account")?;
        self.kubeconfig_with_token(namespace, account, Some(bound)).await
    }

    async fn kubeconfig_with_token(
        &self,
        namespace: &str,
        name: &str,
        bound_to: Option<BoundObjectReference>,
    ) -> Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let holder = bound_to.as_ref().and_then(|bound| bound.name.clone()).unwrap_or_default();
        let wanted = TokenRequest {
            spec: Some(TokenRequestSpec {
                bound_object_ref: bound_to,
                expiration_seconds: Some(i64::try_from(TOKEN_LIFE.as_secs())?),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let granted = accounts.create_token_request(name, &PostParams::default(), &wanted).await?;
        let token = granted.status.and_then(|status| status.token);
        let token = token.context("the API server granted no token")?;
        let path = self.dir.join(&format!("{namespace}-{name}-{holder}.kubeconfig"));
        self.servers.access.write_kubeconfig(&path, &token)?;
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
    // Of its own port: a second start must not find the data of the first.
    command.arg("--data-dir").arg(dir.join(&format!("etcd-{client_port}")));
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

async fn start_api_server(
    dir: &RunDir,
    etcd_port: u16,
    address: Ipv4Addr,
    port: u16,
) -> Result<Process> {
    let address = address.to_string();
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
    command.args(["--bind-address", &address, "--secure-port", &port.to_string()]);
    // Nobody comes by the service `kubernetes`; a loopback address is not
    // allowed as its endpoint.
    command.args(["--advertise-address", &address, "--endpoint-reconciler-type", "none"]);
    command.args(["--authorization-mode", "Node,RBAC"]);
    // ServiceAccount wants accounts that a controller makes. TaintNodesByCondition
    // would taint each new node as not ready, and no controller lifts that.
    // Priority wants classes that pods of a test do not name.
    command.args(["--disable-admission-plugins", "ServiceAccount,TaintNodesByCondition,Priority"]);
    // Real nodes have no name that anybody could look up.
    command.arg("--kubelet-preferred-address-types=InternalIP");
    // A test's clients are few and in a hurry.
    command.arg("--enable-priority-and-fairness=false");
    Process::spawn("kube-apiserver", &command, &dir.join("kube-apiserver.log"))
}
