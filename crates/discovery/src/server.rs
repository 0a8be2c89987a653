//! The server: sockets, the hosts file and the answers, put together and taken down.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use hickory_server::Server;
use hickory_server::net::NetError;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::answer::Answerer;
use crate::file::{self, Content, FileError};
use crate::forward::{Forward, ForwardError, Forwarder};
use crate::hosts::Hosts;
use crate::names::Names;
use crate::tcp;

/// Attempts to find a port that is free for both UDP and TCP when any port will do.
const PORT_ATTEMPTS: u32 = 16;

/// What a [`DnsServer`] answers.
#[derive(Debug, Clone)]
pub struct DnsOptions {
    /// The file in hosts format. It may appear later, and is followed; best replaced by rename.
    pub hosts: PathBuf,
    /// For how long clients may keep an answer from the hosts file; whole seconds. Answers that are forwarded keep
    /// the time they came with.
    pub ttl: Duration,
    /// Where other names go.
    pub forward: Forward,
}

impl DnsOptions {
    /// Answers from `hosts` that live for 5 s; other names go to the system's resolvers.
    #[must_use]
    pub fn new(hosts: impl Into<PathBuf>) -> Self {
        Self {
            hosts: hosts.into(),
            ttl: Duration::from_secs(5),
            forward: Forward::System,
        }
    }
}

/// Why the server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The address is taken, forbidden or not of this machine.
    #[error("cannot listen for DNS on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A socket that was passed in is of no use.
    #[error("cannot serve DNS on the given socket")]
    Socket(#[source] io::Error),
    /// No UDP socket was passed in.
    #[error("a DNS server needs at least one UDP socket")]
    NoSocket,
    /// The hosts file is there and cannot be used.
    #[error(transparent)]
    Hosts(#[from] FileError),
    /// Forwarding is not possible as asked.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// A socket failed while serving.
    #[error("the DNS server ended early")]
    Serve(#[source] NetError),
}

/// A DNS server that runs until [`shutdown`](Self::shutdown) or drop.
///
/// It runs on the Tokio runtime that it was started in.
pub struct DnsServer {
    server: Server<Answerer>,
    address: SocketAddr,
    hosts: watch::Receiver<Arc<Hosts>>,
    names: Names,
    /// Follows the hosts file and answers over TCP; aborted on drop.
    tasks: JoinSet<()>,
}

impl DnsServer {
    /// Serves UDP and TCP on one address; port 0 stands for any port that is free for both.
    ///
    /// # Errors
    /// When the address cannot be bound, the hosts file exists and cannot be read, or forwarding is not possible.
    ///
    /// # Panics
    /// Outside a Tokio runtime with I/O and time.
    pub fn bind(options: DnsOptions, address: SocketAddr) -> Result<Self, DnsError> {
        let (udp, tcp) = bind_both(address).map_err(|source| DnsError::Bind { address, source })?;
        Self::serve(options, vec![udp], vec![tcp])
    }

    /// Serves on sockets that are bound already, perhaps in other network namespaces.
    ///
    /// An answer leaves from the address its socket is bound to, so bind each to one address: on a wildcard address
    /// a machine with several addresses may answer from another one than was asked, and its client will not listen.
    ///
    /// # Errors
    /// When `udp` is empty, a socket cannot be used, the hosts file exists and cannot be read, or forwarding is not
    /// possible.
    ///
    /// # Panics
    /// Outside a Tokio runtime with I/O and time.
    pub fn serve(options: DnsOptions, udp: Vec<UdpSocket>, tcp: Vec<TcpListener>) -> Result<Self, DnsError> {
        let DnsOptions {
            hosts: path,
            ttl,
            forward,
        } = options;
        let listening = udp
            .iter()
            .map(UdpSocket::local_addr)
            .collect::<Result<Vec<_>, _>>()
            .map_err(DnsError::Socket)?;
        let address = *listening.first().ok_or(DnsError::NoSocket)?;
        let forwarder = Forwarder::new(&forward, &listening)?;
        let initial = Hosts::load(&path)?;
        initial.announce(&path);

        let (sender, hosts) = watch::channel(Arc::new(initial));
        let ttl = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
        let forwarder = forwarder.map(Arc::new);
        let answerer = Answerer {
            hosts: hosts.clone(),
            ttl,
            forwarder,
        };
        let names = Names::new(hosts.clone(), answerer.forwarder.clone());
        let mut tasks = JoinSet::new();
        for listener in tcp {
            let listener = asynchronous_tcp(listener).map_err(DnsError::Socket)?;
            tasks.spawn(tcp::serve(listener, answerer.clone()));
        }
        let mut server = Server::new(answerer);
        for socket in udp {
            server.register_socket(asynchronous_udp(socket).map_err(DnsError::Socket)?);
        }
        tasks.spawn(file::follow(path, sender));
        Ok(Self {
            server,
            address,
            hosts,
            names,
            tasks,
        })
    }

    /// Where the first UDP socket listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What is in force of the hosts file, and a way to wait for changes of it.
    #[must_use]
    pub fn hosts(&self) -> watch::Receiver<Arc<Hosts>> {
        self.hosts.clone()
    }

    /// The same answers for the process itself, followed; as long as the server runs.
    #[must_use]
    pub fn names(&self) -> Names {
        self.names.clone()
    }

    /// Stops listening and lets go of all sockets.
    ///
    /// # Errors
    /// When a socket had failed before.
    pub async fn shutdown(mut self) -> Result<(), DnsError> {
        self.tasks.shutdown().await;
        self.server.shutdown_gracefully().await.map_err(DnsError::Serve)
    }
}

impl fmt::Debug for DnsServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DnsServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A UDP and a TCP socket on the same port; port 0 stands for any port that is free for both.
///
/// # Errors
/// When the address cannot be bound.
pub fn bind_both(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut attempts = if address.port() == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        let tcp = TcpListener::bind(address)?;
        match UdpSocket::bind(tcp.local_addr()?) {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

fn asynchronous_udp(socket: UdpSocket) -> io::Result<tokio::net::UdpSocket> {
    socket.set_nonblocking(true)?;
    tokio::net::UdpSocket::from_std(socket)
}

fn asynchronous_tcp(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
