//! Picks free ports of the loopback interface.
//!
//! A port is free when it is picked and may be taken before it is used: who
//! starts a server on one tries a second time with new ports.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Result;

/// Different free ports: all are held until the last one is known.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Runs `start`, and once more where another process took a port in between.
pub async fn retry_taken_port<T>(start: impl AsyncFn() -> Result<T>) -> Result<T> {
    match start().await {
        // The words of the kernel, as every server written in Go repeats them.
        Err(error) if format!("{error:#}").contains("address already in use") => start().await,
        outcome => outcome,
    }
}
