//! Handing the listening sockets to a successor, so that no connection is refused while weir is replaced.
//!
//! The running process waits at a unix socket; its successor (`weir run --upgrade`) connects, gets the listening
//! sockets by `SCM_RIGHTS` (unix(7)), serves on them, and says so; only then does the old one drain. Until that
//! word both accept from the same queue, so a successor that fails to start costs nothing. The meeting place is
//! `upgrade_socket`, or else an abstract address made of the user and the listeners' addresses, which both know.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg, sockopt,
};
use tokio::sync::oneshot;

use super::bind::{Inherited, Sockets};
use crate::conf::Settings;

/// Sockets that are handed over at most (the kernel passes 253 at once).
const SOCKETS_MAX: usize = 128;
/// Longest text that goes with them.
const NAMES_BYTES_MAX: usize = SOCKETS_MAX * 64;
/// How long each side waits for a word of the other.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a predecessor waits for its successor to serve: it has a policy to compile.
const START_MAX: Duration = Duration::from_secs(120);
/// The successor's word that it serves.
const READY: &[u8] = b"ready\n";

/// Where predecessor and successor meet.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A file of the configuration.
    File(PathBuf),
    /// A name in the abstract namespace.
    Name(String),
}

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpgradeError {
    /// Nobody waits there.
    #[error(
        "cannot take over: no running weir of this user waits at {place} ({reason}): start it with the same listeners, \
         or name an `upgrade_socket` in both configurations"
    )]
    Nobody {
        /// Where.
        place: String,
        /// What the system said.
        reason: io::Error,
    },
    /// The predecessor did not keep to the protocol.
    #[error("cannot take over: {0}")]
    Broken(io::Error),
}

/// What waits for a successor.
#[derive(Debug)]
pub(super) struct Offer {
    /// Resolves once a successor serves; never when the meeting place cannot be had.
    pub(super) replaced: oneshot::Receiver<()>,
    sockets: Arc<ArcSwapOption<Sockets>>,
}

/// The connection to the process that is being replaced.
#[derive(Debug)]
pub(super) struct Predecessor(UnixStream);

// === impl Place ===

impl Place {
    /// The meeting place of processes with these settings.
    pub(super) fn of(settings: &Settings) -> Self {
        if let Some(path) = &settings.upgrade_socket {
            return Self::File(path.clone());
        }
        let addrs: Vec<String> = settings.listeners.iter().map(|l| l.addr.to_string()).collect();
        let user = rustix::process::getuid().as_raw();
        let name = format!("{} {}", addrs.join(" "), settings.ports_file.as_deref().unwrap_or("".as_ref()).display());
        let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
        let digest: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self::Name(format!("weir/{user}/{digest}"))
    }

    fn connect(&self) -> io::Result<UnixStream> {
        match self {
            Self::File(path) => UnixStream::connect(path),
            Self::Name(name) => UnixStream::connect_addr(&UnixAddr::from_abstract_name(name)?),
        }
    }

    fn listen(&self) -> io::Result<UnixListener> {
        match self {
            Self::File(path) => {
                // Left by a process that ended without cleaning up: nobody listens there any more.
                if matches!(UnixStream::connect(path), Err(e) if e.kind() == ErrorKind::ConnectionRefused) {
                    std::fs::remove_file(path)?;
                }
                UnixListener::bind(path)
            }
            Self::Name(name) => UnixListener::bind_addr(&UnixAddr::from_abstract_name(name)?),
        }
    }

    fn leave(&self) {
        if let Self::File(path) = self {
            // The successor finds it stale and removes it otherwise.
            drop(std::fs::remove_file(path));
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) => format!("`{}`", path.display()),
            Self::Name(name) => format!("`@{name}`"),
        }
    }
}

// --- the successor's side -----------------------------------------------------------------------------------

/// Takes the sockets of the running process. Blocks for at most [`PATIENCE`].
pub(super) fn take_over(place: &Place) -> Result<(Inherited, Predecessor), UpgradeError> {
    let stream = place.connect().map_err(|reason| UpgradeError::Nobody { place: place.shown(), reason })?;
    let inherited = receive(&stream).map_err(UpgradeError::Broken)?;
    Ok((inherited, Predecessor(stream)))
}

impl Predecessor {
    /// Says that we serve, and waits until the meeting place is free.
    pub(super) fn dismiss(mut self) -> Result<(), UpgradeError> {
        let farewell = |stream: &mut UnixStream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(READY)?;
            stream.read(&mut [0; 1])
        };
        farewell(&mut self.0).map(drop).map_err(UpgradeError::Broken)
    }
}

fn receive(stream: &UnixStream) -> io::Result<Inherited> {
    trusted(stream)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = vec![0; NAMES_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(stream, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let fds: Vec<OwnedFd> = control
        .drain()
        .filter_map(|message| if let RecvAncillaryMessage::ScmRights(fds) = message { Some(fds) } else { None })
        .flatten()
        .collect();
    let names: Vec<SocketAddr> = serde_json::from_slice(text.get(..received.bytes).unwrap_or_default())?;
    if names.is_empty() || names.len() != fds.len() {
        return Err(io::Error::new(ErrorKind::InvalidData, "the running process did not hand over its sockets"));
    }
    let sockets = names.into_iter().zip(fds).map(|(name, fd)| {
        let listener = TcpListener::from(fd);
        listener.set_nonblocking(true).map(|()| (name, listener))
    });
    Ok(Inherited(sockets.collect::<io::Result<_>>()?))
}

// --- the predecessor's side ---------------------------------------------------------------------------------

impl Offer {
    /// Waits for a successor on a thread of its own. The log says when the meeting place cannot be had.
    pub(super) fn make(place: Place, sockets: Sockets, settings: &Settings) -> Self {
        let (tell, replaced) = oneshot::channel();
        let sockets = Arc::new(ArcSwapOption::from_pointee(sockets));
        let names = settings.listeners.iter().map(|l| l.addr).chain([settings.admin.addr]).collect();
        let waiting = Waiting { place, sockets: Arc::clone(&sockets), names };
        if let Err(e) = waiting.start(tell) {
            log::info!("`weir run --upgrade` cannot take over from this process: {e}");
        }
        Self { replaced, sockets }
    }

    /// Closes the sockets that were kept for a successor: as long as one of them is open, the system accepts
    /// connections on it that nobody will serve.
    pub(super) fn withdraw(&self) {
        self.sockets.store(None);
    }
}

/// The thread that waits for a successor.
struct Waiting {
    place: Place,
    sockets: Arc<ArcSwapOption<Sockets>>,
    names: Vec<SocketAddr>,
}

impl Waiting {
    fn start(self, tell: oneshot::Sender<()>) -> io::Result<()> {
        let listener = self.place.listen()?;
        let wait = move || self.wait(listener, tell);
        std::thread::Builder::new().name("weir-upgrade".to_owned()).spawn(wait).map(drop)
    }

    fn wait(&self, listener: UnixListener, tell: oneshot::Sender<()>) {
        loop {
            let stream = listener.accept().map(|(stream, _)| stream);
            match stream.and_then(|stream| self.hand_over(stream)) {
                Ok(stream) => {
                    drop(listener);
                    self.place.leave();
                    // Nobody listens any more when the process already drains.
                    let _ = tell.send(());
                    // The successor waits for the end of this connection; by then the place is free.
                    drop(stream);
                    return;
                }
                Err(e) => log::warn!("a successor did not take over: {e}"),
            }
        }
    }

    fn hand_over(&self, stream: UnixStream) -> io::Result<UnixStream> {
        let Some(sockets) = self.sockets.load_full() else {
            return Err(io::Error::new(ErrorKind::NotConnected, "this process has closed its listeners"));
        };
        hand_over(stream, &sockets, &self.names)
    }
}

/// Returns once the successor serves.
fn hand_over(mut stream: UnixStream, sockets: &Sockets, names: &[SocketAddr]) -> io::Result<UnixStream> {
    trusted(&stream)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(START_MAX))?;
    let text = serde_json::to_vec(names)?;
    let fds: Vec<BorrowedFd<'_>> = sockets.proxy.iter().chain([&sockets.admin]).map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::new(ErrorKind::InvalidInput, "too many listeners to hand over"));
    }
    sendmsg(&stream, &[IoSlice::new(&text)], &mut control, SendFlags::empty())?;
    let mut word = [0; READY.len()];
    stream.read_exact(&mut word)?;
    if word != *READY {
        return Err(io::Error::new(ErrorKind::InvalidData, "the successor said something else than `ready`"));
    }
    Ok(stream)
}

/// Only processes of the same user may hand over or take.
fn trusted(stream: &UnixStream) -> io::Result<()> {
    let peer = sockopt::socket_peercred(stream)?;
    if peer.uid == rustix::process::getuid() {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::PermissionDenied, "the process on the other side belongs to another user"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    fn sockets() -> Sockets {
        let any = || TcpListener::bind("127.0.0.1:0").unwrap();
        Sockets { proxy: vec![any()], admin: any() }
    }

    #[test]
    fn sockets_change_hands_and_the_place_is_free_again() {
        let dir = TempDir::new();
        let settings = Settings { upgrade_socket: Some(dir.path("meet")), ..Settings::default() };
        let place = Place::of(&settings);
        let sockets = sockets();
        let (proxy, admin) = sockets.addrs().unwrap();
        let mut offer = Offer::make(place.clone(), sockets, &settings);
        // One that gives up before it serves changes nothing.
        drop(take_over(&place).unwrap());
        assert!(offer.replaced.try_recv().is_err());
        let (inherited, predecessor) = take_over(&place).unwrap();
        let got: Vec<_> = inherited.0.iter().map(|(wanted, s)| (*wanted, s.local_addr().unwrap())).collect();
        assert_eq!(got, [(settings.listeners[0].addr, proxy[0]), (settings.admin.addr, admin)]);
        predecessor.dismiss().unwrap();
        offer.replaced.blocking_recv().unwrap();
        assert!(place.listen().is_ok());
    }

    #[test]
    fn what_is_withdrawn_is_closed() {
        let dir = TempDir::new();
        let settings = Settings { upgrade_socket: Some(dir.path("meet")), ..Settings::default() };
        let sockets = sockets();
        let (proxy, _) = sockets.addrs().unwrap();
        let offer = Offer::make(Place::of(&settings), sockets, &settings);
        assert!(std::net::TcpStream::connect(proxy[0]).is_ok());
        offer.withdraw();
        assert!(std::net::TcpStream::connect(proxy[0]).is_err());
        assert!(take_over(&Place::of(&settings)).is_err());
    }

    #[test]
    fn without_a_predecessor_the_error_says_where_it_looked() {
        let dir = TempDir::new();
        let settings = Settings { upgrade_socket: Some(dir.path("meet")), ..Settings::default() };
        let error = take_over(&Place::of(&settings)).unwrap_err().to_string();
        assert!(error.contains("no running weir of this user waits at") && error.contains("meet"), "{error}");
    }

    #[test]
    fn the_same_listeners_meet_at_the_same_place() {
        let place = |settings: &Settings| Place::of(settings).shown();
        let mut other = Settings::default();
        assert_eq!(place(&Settings::default()), place(&other));
        other.ports_file = Some("ports".into());
        assert_ne!(place(&Settings::default()), place(&other));
    }
}
