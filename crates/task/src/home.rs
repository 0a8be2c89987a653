//! The thread that lives in a task's namespaces. It is the parent of the task's processes, which die with it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread::JoinHandle;

use rustix::thread::{Pid, gettid};

use crate::error::TaskError;
use crate::namespace::Namespaces;

type Job = Box<dyn FnOnce() + Send>;

/// A thread in namespaces of its own that runs jobs one after another until it is dropped.
///
/// A process whose death is tied to its parent's dies with the *thread* that started it, so processes need a parent
/// thread that lives exactly as long as their task.
pub(crate) struct Home {
    /// `None` only while dropping.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    tid: Pid,
    namespaces: Namespaces,
}

impl Home {
    /// Starts the thread and runs `furnish` in the new namespaces.
    pub(crate) fn new(
        furnish: impl FnOnce() -> Result<(), TaskError> + Send + 'static,
    ) -> Result<Self, TaskError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (report, ready) = mpsc::sync_channel(1);
        let live = move || {
            let made = Namespaces::new_network_and_mount();
            let furnished = made.and_then(|namespaces| furnish().map(|()| (gettid(), namespaces)));
            // Nobody takes the report only when the creator has panicked; then the queue is closed too.
            let _ = report.send(furnished);
            queue.into_iter().for_each(|job| job());
        };
        let thread = std::thread::Builder::new().name("task".to_owned()).spawn(live);
        let thread = thread.map_err(|source| TaskError::Namespace {
            action: "start a thread",
            source,
        })?;
        let (tid, namespaces) = ready.recv().expect("the thread reports before it ends")?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            tid,
            namespaces,
        })
    }

    /// Runs `job` on the thread and waits for it; a panic goes on in the caller.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = mpsc::sync_channel(1);
        let job = move || {
            let _ = done.send(catch_unwind(AssertUnwindSafe(job)));
        };
        let jobs = self
            .jobs
            .as_ref()
            .expect("there are jobs until the thread is dropped");
        jobs.send(Box::new(job))
            .expect("the thread takes jobs until it is dropped");
        result
            .recv()
            .expect("every job reports")
            .unwrap_or_else(|panic| resume_unwind(panic))
    }

    pub(crate) fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// The thread's number, by which others find its namespaces under `/proc`.
    pub(crate) fn tid(&self) -> Pid {
        self.tid
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // Jobs do not unwind into the thread.
            let _ = thread.join();
        }
    }
}
