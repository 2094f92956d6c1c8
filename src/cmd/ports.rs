//! Listening sockets and how they end: bound before anything else starts, closed on the first signal.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio::signal::unix::{SignalKind, signal};

/// Requests in progress at the end get this long: twenty times the default deadline.
const GRACE: Duration = Duration::from_secs(1);

/// A socket that is bound and not yet served.
#[derive(Debug)]
pub struct Port {
    listener: TcpListener,
    /// Where it listens; with the port that was found for port 0.
    pub address: SocketAddr,
}

impl Port {
    /// Binds; says which flag to change if the address is taken.
    ///
    /// # Errors
    /// If it cannot be bound.
    pub fn bind(flag: &str, address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address}: choose another with {flag}"))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Serves until the handle is told to end.
    ///
    /// # Errors
    /// If the socket fails.
    pub async fn serve(
        self,
        router: Router,
        tls: Option<RustlsConfig>,
        handle: Handle<SocketAddr>,
    ) -> anyhow::Result<()> {
        let service = router.into_make_service();
        match tls {
            Some(tls) => {
                axum_server::from_tcp_rustls(self.listener, tls)?
                    .handle(handle)
                    .serve(service)
                    .await?;
            }
            None => axum_server::from_tcp(self.listener)?.handle(handle).serve(service).await?,
        }
        Ok(())
    }
}

/// As [`Port::serve`], on a thread and an event loop of its own: what the scheduler waits for must not
/// wait for a burst of watch events to be decoded, nor for a hand-over between threads.
///
/// # Errors
/// If the thread cannot be started, or the socket fails.
pub async fn serve_apart(
    port: Port,
    router: Router,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
) -> anyhow::Result<()> {
    let (done, result) = tokio::sync::oneshot::channel();
    let serve = move || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(port.serve(router, tls, handle))
    };
    // The receiver waits below for as long as this runs.
    let thread = move || drop(done.send(serve()));
    std::thread::Builder::new().name("extender".to_owned()).spawn(thread)?;
    result.await.context("the extender's thread ended")?
}

/// Waits for SIGINT or SIGTERM.
///
/// # Errors
/// If signals cannot be received.
pub async fn end_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Ends servers gracefully.
pub fn end(handles: &[&Handle<SocketAddr>]) {
    for handle in handles {
        handle.graceful_shutdown(Some(GRACE));
    }
}
