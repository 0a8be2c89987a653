//! Applications that know nothing of the mesh. What they answer is scripted by the test while they run.

mod front;
mod http;
mod script;
mod tcp;

use std::net::{IpAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use self::script::Script;
use crate::call::Call;
use evermesh_task::Task;

pub use self::script::{Answer, Asked};

/// An application of a task, before it is started.
pub struct App {
    pub(crate) port: u16,
    /// `None`: all addresses of both families.
    pub(crate) address: Option<IpAddr>,
    /// Whether those who connect from outside reach the sidecar instead.
    pub(crate) is_behind_sidecar: bool,
    kind: Kind,
}

enum Kind {
    Http,
    Front(Box<Call>),
    Tcp { banner: String },
}

/// A running application.
pub struct Server {
    shared: Arc<Shared>,
}

/// What all connections of an application share.
pub(crate) struct Shared {
    /// The name of its task.
    name: String,
    port: u16,
    script: Mutex<Arc<Script>>,
    asked: AtomicUsize,
    connections: AtomicUsize,
}

impl App {
    /// An HTTP server without TLS on a port: HTTP/1.1, HTTP/2 with prior knowledge, gRPC, and websockets, which
    /// send back what they get. It answers every request with what it saw ([`Seen`](crate::Seen)), gRPC with that in
    /// one message, until the test says another [`Answer`]. The standard gRPC health service says `SERVING`.
    pub fn http(port: u16) -> Self {
        Self {
            port,
            address: None,
            is_behind_sidecar: true,
            kind: Kind::Http,
        }
    }

    /// The same application, but those who connect from outside reach it past the sidecar.
    #[must_use]
    pub fn past_the_sidecar(mut self) -> Self {
        self.is_behind_sidecar = false;
        self
    }

    /// The same application, but at this address only.
    #[must_use]
    pub fn at(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// An HTTP server like [`App::http`], but one that asks another one: what it is asked it asks by `call` in turn,
    /// with the same method, path, body and headers, and answers with what it is answered.
    pub fn front(port: u16, call: Call) -> Self {
        Self {
            port,
            address: None,
            is_behind_sidecar: true,
            kind: Kind::Front(Box::new(call)),
        }
    }

    /// A TCP server that sends the name of its task and a line break, and then sends back what it gets.
    pub fn tcp(port: u16) -> Self {
        Self::tcp_banner(port, "")
    }

    /// The same with something else than the name of its task.
    pub fn tcp_banner(port: u16, banner: &str) -> Self {
        let banner = banner.to_owned();
        Self {
            port,
            address: None,
            is_behind_sidecar: true,
            kind: Kind::Tcp { banner },
        }
    }

    /// Serves a socket made in the task. Must be called within a tokio runtime.
    pub(crate) fn serve(self, listener: TcpListener, task: &Arc<Task>) -> Server {
        listener
            .set_nonblocking(true)
            .expect("a socket can be made non-blocking");
        let listener = tokio::net::TcpListener::from_std(listener).expect("within a runtime");
        let shared = Arc::new(Shared {
            name: task.name().to_owned(),
            port: self.port,
            script: Mutex::new(Arc::new(|_| Answer::Echo)),
            asked: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let (task, of_connections) = (Arc::downgrade(task), Arc::clone(&shared));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&of_connections);
                shared.connections.fetch_add(1, Ordering::Relaxed);
                match &self.kind {
                    Kind::Http => drop(tokio::spawn(http::serve(stream, shared))),
                    Kind::Front(call) => {
                        let Some(task) = task.upgrade() else { return };
                        drop(tokio::spawn(front::serve(stream, shared, task, *call.clone())));
                    }
                    Kind::Tcp { banner } if banner.is_empty() => {
                        let banner = format!("{}\n", shared.name);
                        drop(tokio::spawn(tcp::serve(stream, banner)));
                    }
                    Kind::Tcp { banner } => drop(tokio::spawn(tcp::serve(stream, banner.clone()))),
                }
            }
        });
        Server { shared }
    }
}

impl Server {
    /// From now on `script` decides what each request is answered with. Requests count from 0 again.
    pub fn answer(&self, script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) {
        *self.shared.script.lock().expect("nobody panics with it") = Arc::new(script);
        self.shared.asked.store(0, Ordering::Relaxed);
    }

    /// How many requests came since the last [`Server::answer`], health checks of gRPC not counted.
    pub fn requests(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// How many connections came since the start.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// What the script says to the next request.
    fn next(&self, mut asked: Asked) -> Answer {
        let script = Arc::clone(&self.script.lock().expect("nobody panics with it"));
        asked.number = self.asked.fetch_add(1, Ordering::Relaxed);
        script(&asked)
    }
}
