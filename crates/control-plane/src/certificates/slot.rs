//! The files of one secret: whether they changed, and what is in them.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evermesh_certificates::{Bundle, MAX_BYTES, Pair, PairFault};
use evermesh_graph::supplied::Secret;

use super::layout::Place;

/// Two writes within the grain of a file system's clock look the same, so files that are younger are always read.
const SETTLED: Duration = Duration::from_secs(2);

/// What was seen of some files the last time.
#[derive(Debug, Default)]
pub(super) struct Slot {
    stamps: Option<Vec<Stamp>>,
    /// A fault that was seen once: half of a replacement may be written.
    suspicion: Option<String>,
}

/// What a look at files has shown.
pub(super) enum Seen {
    /// Nothing new.
    Unchanged,
    /// This is in them.
    Good(Arc<Secret>),
    /// They cannot be used, and twice in a row for the same reason.
    Fault(String),
}

/// What changes with a file: device, inode, size, and the time of the last change, which unlike that of the content nobody
/// can set. `None` when it is not there.
type Stamp = Option<(u64, u64, u64, SystemTime)>;

impl Slot {
    /// Looks at the files, and reads them if they may have changed.
    pub(super) fn look(&mut self, place: &Place) -> Seen {
        let stamps = place.stamps();
        if self.suspicion.is_none() && self.stamps.as_ref() == Some(&stamps) && are_settled(&stamps) {
            return Seen::Unchanged;
        }
        self.stamps = Some(stamps);
        match place.read() {
            Ok(secret) => {
                self.suspicion = None;
                Seen::Good(Arc::new(secret))
            }
            Err(fault) if self.suspicion.as_ref() == Some(&fault) => Seen::Fault(fault),
            Err(fault) => {
                self.suspicion = Some(fault);
                Seen::Unchanged
            }
        }
    }
}

impl Place {
    fn stamps(&self) -> Vec<Stamp> {
        match self {
            Self::Pair { chain, key } => vec![stamp(chain), stamp(key)],
            Self::Authority(file) => vec![stamp(file)],
        }
    }

    fn read(&self) -> Result<Secret, String> {
        match self {
            Self::Pair { chain, key } => {
                let texts = (read(chain)?, read(key)?);
                let pair = Pair::from_pem(&texts.0, &texts.1).map_err(|fault| match fault {
                    PairFault::Chain(fault) => format!("{} {fault}", chain.display()),
                    PairFault::Key(fault) => format!("{} {fault}", key.display()),
                })?;
                Ok(Secret::Certificate {
                    chain: pair.chain().to_vec(),
                    key: pair.key().to_vec(),
                })
            }
            Self::Authority(file) => {
                let bundle = Bundle::from_pem(&read(file)?);
                let bundle = bundle.map_err(|fault| format!("{} {fault}", file.display()))?;
                Ok(Secret::Trust {
                    bundle: bundle.pem().to_vec(),
                })
            }
        }
    }
}

/// One byte more than may be used, so that what is too large is seen to be.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    // To open anything else could wait for ever.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(format!("{} is not a file", path.display()));
    }
    let mut content = Vec::new();
    let file = File::open(path).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut content));
    file.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(content)
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    let since_epoch = Duration::new(
        metadata.ctime().try_into().ok()?,
        metadata.ctime_nsec().try_into().ok()?,
    );
    let changed = UNIX_EPOCH + since_epoch;
    Some((metadata.dev(), metadata.ino(), metadata.size(), changed))
}

fn are_settled(stamps: &[Stamp]) -> bool {
    let now = SystemTime::now();
    let is_settled = |changed: &SystemTime| now.duration_since(*changed).is_ok_and(|age| age > SETTLED);
    stamps.iter().flatten().all(|(.., changed)| is_settled(changed))
}
