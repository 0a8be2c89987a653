//! The sockets of a control plane, made by whoever starts it: they may lie in another network namespace.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use evermesh_discovery::bind_both;

use crate::StartError;

/// Bound sockets, one list per purpose. A purpose without sockets is not served.
#[derive(Debug, Default)]
pub struct Sockets {
    /// AWS APIs and Evermesh's own views.
    pub api: Vec<TcpListener>,
    /// Proxies.
    pub xds: Vec<TcpListener>,
    /// Name look-ups over UDP.
    pub dns_udp: Vec<UdpSocket>,
    /// Name look-ups over TCP.
    pub dns_tcp: Vec<TcpListener>,
}

impl Sockets {
    /// Binds everything in the present network namespace. Port 0 takes any that is free.
    ///
    /// # Errors
    /// The first address that cannot be bound.
    pub fn bind(api: SocketAddr, xds: SocketAddr, dns: SocketAddr) -> Result<Self, StartError> {
        let mut sockets = Self {
            api: vec![tcp(api)?],
            xds: vec![tcp(xds)?],
            ..Self::default()
        };
        sockets.add_dns(dns)?;
        Ok(sockets)
    }

    /// Binds UDP and TCP of one address for name look-ups. Port 0 takes one that is free for both.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn add_dns(&mut self, address: SocketAddr) -> Result<(), StartError> {
        let (socket, listener) = bind_both(address).map_err(|source| StartError::Bind { address, source })?;
        self.dns_tcp.push(listener);
        self.dns_udp.push(socket);
        Ok(())
    }
}

fn tcp(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|source| StartError::Bind { address, source })
}
