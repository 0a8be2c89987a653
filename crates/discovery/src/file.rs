//! Follows a file: notices a change within about a tenth of a second and puts the new content in force.
//!
//! Looking at the file's identity and times is enough and works on every file system, for a file that is replaced
//! by rename, written in place, or reached through a symbolic link that is switched over. It never lets go of
//! anything because the file is gone or unreadable: the last good content stays.

use std::error::Error;
use std::iter::successors;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior};

/// What a file has that is followed.
pub(crate) trait Content: PartialEq + Send + Sync + Sized + 'static {
    /// What such a file is called.
    const FILE: &str;
    /// Why a file cannot be used.
    type Error: Error + Send + 'static;

    /// Reads and understands a file.
    fn load(path: &Path) -> Result<Self, Self::Error>;

    /// Says in the log what came into force.
    fn announce(&self, path: &Path);
}

/// Why a followed file could not be read as a whole.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot read the {file} {}", path.display())]
    Read {
        /// What such a file is called.
        file: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than 16 MiB.
    #[error("the {file} {} has {size} bytes, more than the {MAX_BYTES} allowed", path.display())]
    TooLarge {
        /// What such a file is called.
        file: &'static str,
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
}

/// A larger file is refused as a whole: it is a mistake, and reading it again on each change would stall answers.
pub(crate) const MAX_BYTES: u64 = 16 << 20;
/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(50);
/// After so many looks a file that changes without pause is read all the same.
const PATIENCE: u32 = 4;

/// Pause before a file is read again that could not be read, although it has not changed.
const RETRY: Duration = Duration::from_secs(5);

/// What a file looks like from outside; different after any change to its content.
///
/// Times have the granularity of the kernel's tick (at most 10 ms). A stamp that has been the same for a whole
/// [`INTERVAL`] is therefore unique to the content: a later write must carry a later time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    /// Never looked at, or read while it was changing.
    Unknown,
    Absent,
    Present {
        device: u64,
        inode: u64,
        size: u64,
        modified: (i64, i64),
        changed: (i64, i64),
    },
}

/// All of a file; `None` when it does not exist (yet).
pub(crate) fn read<C: Content>(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let failed = |source| FileError::Read {
        file: C::FILE,
        path: path.to_owned(),
        source,
    };
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if size > MAX_BYTES {
        return Err(FileError::TooLarge {
            file: C::FILE,
            path: path.to_owned(),
            size,
        });
    }
    fs::read(path).map(Some).map_err(failed)
}

/// Keeps `content` up to date with the file at `path`, for ever.
pub(crate) async fn follow<C: Content>(path: PathBuf, content: watch::Sender<Arc<C>>) {
    let mut looks = tokio::time::interval(INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut in_force = Stamp::Unknown;
    let mut previous = Stamp::Unknown;
    let mut waited = 0;
    let mut read_again = None;
    loop {
        looks.tick().await;
        let current = Stamp::of(&path).await;
        let settled = current == previous;
        previous = current;
        let is_to_be_read_again = read_again.is_some_and(|at| Instant::now() >= at);
        if current == in_force && !is_to_be_read_again {
            waited = 0;
        } else if settled || waited == PATIENCE {
            let taken = put_in_force(&path, current, &content).await;
            read_again = taken.err().map(|Unread| Instant::now() + RETRY);
            in_force = if settled { current } else { Stamp::Unknown };
            waited = 0;
        } else {
            waited += 1;
        }
    }
}

impl Stamp {
    async fn of(path: &Path) -> Self {
        // Whatever makes the file unreachable, the answer is the same: keep the last good content.
        tokio::fs::metadata(path)
            .await
            .map_or(Self::Absent, |file| Self::Present {
                device: file.dev(),
                inode: file.ino(),
                size: file.size(),
                modified: (file.mtime(), file.mtime_nsec()),
                changed: (file.ctime(), file.ctime_nsec()),
            })
    }
}

/// That a file could not be read for a reason that may pass, such as too many open files.
struct Unread;

async fn put_in_force<C: Content>(
    path: &Path,
    stamp: Stamp,
    content: &watch::Sender<Arc<C>>,
) -> Result<(), Unread> {
    if stamp == Stamp::Absent {
        tracing::warn!(path = %path.display(), "the {} is not there; its last content stays in force", C::FILE);
        return Ok(());
    }
    let place = path.to_owned();
    match spawn_blocking(move || C::load(&place)).await {
        Ok(Ok(read)) => {
            let differs = |current: &mut Arc<C>| {
                let differs = **current != read;
                if differs {
                    read.announce(path);
                    *current = Arc::new(read);
                }
                differs
            };
            content.send_if_modified(differs);
        }
        Ok(Err(error)) => {
            let error: &(dyn Error + 'static) = &error;
            tracing::error!(error, "the {}'s last content stays in force", C::FILE);
            if successors(Some(error), |&error| error.source()).any(<dyn Error>::is::<io::Error>) {
                return Err(Unread);
            }
        }
        // What is in a file must not end that it is followed.
        Err(fault) => tracing::error!(%fault, "the {}'s last content stays in force", C::FILE),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Cannot be read while there is a file named `locked` beside it, and not be understood when it says `panic`.
    #[derive(Debug, PartialEq, Eq)]
    struct Fickle(Vec<u8>);

    impl Content for Fickle {
        const FILE: &str = "fickle file";
        type Error = FileError;

        fn load(path: &Path) -> Result<Self, FileError> {
            if path.with_file_name("locked").exists() {
                return Err(FileError::Read {
                    file: Self::FILE,
                    path: path.to_owned(),
                    source: io::Error::other("locked"),
                });
            }
            let content = read::<Self>(path)?.unwrap_or_default();
            assert_ne!(content, b"panic", "a fault on purpose");
            Ok(Self(content))
        }

        fn announce(&self, _: &Path) {}
    }

    fn followed(directory: &TempDir) -> (PathBuf, watch::Receiver<Arc<Fickle>>) {
        let path = directory.path().join("followed");
        let (sender, receiver) = watch::channel(Arc::new(Fickle(Vec::new())));
        tokio::spawn(follow(path.clone(), sender));
        (path, receiver)
    }

    async fn comes(followed: &mut watch::Receiver<Arc<Fickle>>, content: &[u8]) {
        let comes = followed.wait_for(|has| has.0 == content);
        tokio::time::timeout(PATIENCE, comes).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_read_is_read_later_though_it_is_the_same() {
        let directory = TempDir::new().unwrap();
        let lock = directory.path().join("locked");
        fs::write(&lock, "").unwrap();
        let (path, mut followed) = followed(&directory);
        fs::write(path, "new").unwrap();
        tokio::time::sleep(2 * RETRY).await; // it has been tried by now
        fs::remove_file(lock).unwrap();
        comes(&mut followed, b"new").await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_content_that_breaks_its_reader_is_not_the_last() {
        let directory = TempDir::new().unwrap();
        let (path, mut followed) = followed(&directory);
        fs::write(&path, "panic").unwrap();
        tokio::time::sleep(RETRY).await;
        fs::write(&path, "sound").unwrap();
        comes(&mut followed, b"sound").await;
    }
}
