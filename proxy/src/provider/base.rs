//! Base URLs of endpoints, taken apart once.

use http::Uri;

/// A base URL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct BaseUrl {
    pub(super) scheme: Scheme,
    /// As written, brackets of IPv6 included.
    pub(super) host: String,
    pub(super) port: u16,
    /// Without a slash at its end; empty for the root.
    pub(super) path: String,
}

/// How to reach a base URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scheme {
    /// `http`: HTTP/1.1 in clear text.
    Http,
    /// `https`: TLS, HTTP version by ALPN.
    Https,
    /// `h2c`: HTTP/2 in clear text with prior knowledge (RFC 9113 §3.3).
    H2c,
}

/// Why a `url` cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a URL at all, or without a host.
    #[error("is not a URL: write `https://HOST/PATH`")]
    Malformed,
    /// Some other scheme.
    #[error("has an unknown scheme: use `https`, `http`, or `h2c` for HTTP/2 in clear text")]
    Scheme,
    /// `user:password@`.
    #[error("holds a user name: put credentials into `key` or `header`")]
    Credentials,
    /// `?…` or `#…`.
    #[error("has a query or fragment: only the path is used")]
    Query,
    /// `..`, `//`, `%2e` and the like.
    #[error("has a path that is not plain: write it without `.` and `..` segments")]
    Path,
}

// === impl BaseUrl ===

impl BaseUrl {
    pub(super) fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let uri: Uri = text.parse().map_err(|_| BaseUrlError::Malformed)?;
        let (scheme, default_port) = match uri.scheme_str() {
            Some("http") => (Scheme::Http, 80),
            Some("https") => (Scheme::Https, 443),
            Some("h2c") => (Scheme::H2c, 80),
            Some(_) => return Err(BaseUrlError::Scheme),
            None => return Err(BaseUrlError::Malformed),
        };
        let authority = uri.authority().ok_or(BaseUrlError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(BaseUrlError::Credentials);
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(BaseUrlError::Query);
        }
        let path = uri.path().trim_end_matches('/');
        if path.split('/').skip(1).any(|s| s.is_empty() || s == "." || s == ".." || s.contains('%')) {
            return Err(BaseUrlError::Path);
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(BaseUrlError::Malformed);
        }
        Ok(Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(default_port),
            path: path.to_owned(),
        })
    }

    /// The value of `host`: the port only where it is not the scheme's own (RFC 9110 §7.2).
    pub(super) fn authority(&self) -> String {
        match (self.scheme, self.port) {
            (Scheme::Http | Scheme::H2c, 80) | (Scheme::Https, 443) => self.host.clone(),
            (Scheme::Http | Scheme::H2c | Scheme::Https, port) => format!("{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let rows = [
            ("https://api.openai.com/v1", Scheme::Https, "api.openai.com", 443, "/v1", "api.openai.com"),
            ("https://API.x.ai/", Scheme::Https, "api.x.ai", 443, "", "api.x.ai"),
            ("http://127.0.0.1:4010", Scheme::Http, "127.0.0.1", 4010, "", "127.0.0.1:4010"),
            ("h2c://[::1]:9/a/b/", Scheme::H2c, "[::1]", 9, "/a/b", "[::1]:9"),
            ("http://h:80", Scheme::Http, "h", 80, "", "h"),
        ];
        for (text, scheme, host, port, path, authority) in rows {
            let url = BaseUrl::parse(text).unwrap();
            assert_eq!(
                (url.scheme, &*url.host, url.port, &*url.path, &*url.authority()),
                (scheme, host, port, path, authority),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_reason() {
        let rows = [
            ("", BaseUrlError::Malformed),
            ("api.openai.com", BaseUrlError::Malformed),
            ("/v1", BaseUrlError::Malformed),
            ("ftp://x/", BaseUrlError::Scheme),
            ("https://user:pw@x/", BaseUrlError::Credentials),
            ("https://x/v1?api-version=1", BaseUrlError::Query),
            ("https://x/v1#a", BaseUrlError::Query),
            ("https://x/a/../b", BaseUrlError::Path),
            ("https://x//b", BaseUrlError::Path),
            ("https://x/%2e%2e", BaseUrlError::Path),
        ];
        for (text, error) in rows {
            assert_eq!(BaseUrl::parse(text).unwrap_err(), error, "{text}");
        }
    }
}
