//! Binding sockets ourselves, before anything else knows of them: a port in use is an error with a reason at the
//! start, and port 0 has a number that can be told.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::conf::{Bound, Settings};

/// Connections that wait to be accepted. The system may have a lower limit of its own (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Every socket of the process.
#[derive(Debug)]
pub(super) struct Sockets {
    /// By listener.
    pub(super) proxy: Vec<TcpListener>,
    /// The admin listener's.
    pub(super) admin: TcpListener,
}

/// A socket that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{addr}`: {reason}{}", hint(.reason, .flag))]
pub(super) struct BindError {
    addr: SocketAddr,
    flag: &'static str,
    reason: std::io::Error,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`ErrorKind` is open; only some kinds have advice")]
fn hint(reason: &std::io::Error, flag: &str) -> String {
    match reason.kind() {
        ErrorKind::AddrInUse => format!("; stop the process that has it, or choose another with `{flag} ADDR`"),
        ErrorKind::PermissionDenied => "; ports below 1024 need CAP_NET_BIND_SERVICE".to_owned(),
        ErrorKind::AddrNotAvailable => "; this machine has no such address".to_owned(),
        _ => String::new(),
    }
}

// === impl Sockets ===

impl Sockets {
    /// Binds every address, except those that `inherited` brings along.
    pub(super) fn bind(settings: &Settings, inherited: &mut Inherited) -> Result<Self, BindError> {
        let mut bind = |addr: SocketAddr, flag| match inherited.take(addr) {
            Some(listener) => Ok(listener),
            None => listen(addr).map_err(|reason| BindError { addr, flag, reason }),
        };
        let proxy = settings.listeners.iter().map(|l| bind(l.addr, "--listen")).collect::<Result<_, _>>()?;
        Ok(Self { proxy, admin: bind(settings.admin.addr, "--admin")? })
    }

    /// The real addresses: those of the listeners, and the admin's.
    pub(super) fn addrs(&self) -> std::io::Result<(Vec<SocketAddr>, SocketAddr)> {
        let proxy = self.proxy.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
        Ok((proxy, self.admin.local_addr()?))
    }

    /// The same sockets once more, to hand them to a successor one day.
    pub(super) fn try_clone(&self) -> std::io::Result<Self> {
        let proxy = self.proxy.iter().map(TcpListener::try_clone).collect::<Result<_, _>>()?;
        Ok(Self { proxy, admin: self.admin.try_clone()? })
    }

    /// Sockets with what they are for, and the admin's.
    pub(super) fn bound(self, settings: &Settings) -> std::io::Result<(Vec<Bound>, TcpListener)> {
        let bound = self.proxy.into_iter().zip(&settings.listeners).map(|(listener, settings)| {
            Ok(Bound { addr: listener.local_addr()?, listener, settings: Arc::clone(settings) })
        });
        Ok((bound.collect::<std::io::Result<_>>()?, self.admin))
    }
}

/// Sockets of a predecessor, by the address that it was asked to bind.
#[derive(Debug, Default)]
pub(super) struct Inherited(pub(super) Vec<(SocketAddr, TcpListener)>);

impl Inherited {
    fn take(&mut self, wanted: SocketAddr) -> Option<TcpListener> {
        let place = self.0.iter().position(|(addr, _)| *addr == wanted)?;
        Some(self.0.swap_remove(place).1)
    }
}

fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(addr)?;
    // The standard library's backlog of 128 is too short for a burst; listening again only changes the number.
    rustix::net::listen(&listener, BACKLOG)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Lifts the soft limit of open files to the hard one: the usual 1,024 is for programs that use `select`.
pub(super) fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(e) = setrlimit(Resource::Nofile, limit) {
        log::warn!("cannot raise the limit of open files: {e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_says_which_and_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = taken.local_addr().unwrap();
        let mut settings = Settings::default();
        settings.admin.addr = addr;
        settings.listeners = Vec::new();
        let error = Sockets::bind(&settings, &mut Inherited::default()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot listen on `{addr}`: Address already in use")), "{error}");
        assert!(error.ends_with("or choose another with `--admin ADDR`"), "{error}");
    }

    #[test]
    fn an_inherited_socket_is_used_once() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let wanted = "127.0.0.1:8080".parse().unwrap();
        let real = socket.local_addr().unwrap();
        let mut inherited = Inherited(vec![(wanted, socket)]);
        assert!(inherited.take("127.0.0.1:8081".parse().unwrap()).is_none());
        assert_eq!(inherited.take(wanted).unwrap().local_addr().unwrap(), real);
        assert!(inherited.take(wanted).is_none());
    }
}
