//! What the router says when it cannot reach a guest: E2B's JSON for programs, a readable page for browsers.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

/// Why a request did not reach a guest's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No such sandbox, or no longer.
    SandboxNotFound,
    /// Nobody listens on the port.
    PortClosed,
    /// Somebody listened and did not answer as HTTP.
    BadAnswer,
    /// Somebody listened and did not begin to answer in time.
    NoAnswer,
    /// The sandbox has as many connections as it may have, or its server takes none.
    TooManyConnections,
    /// The client stopped in the middle of its request.
    ClientSilent,
    /// The request cannot be written again.
    Malformed,
    /// The sandbox's ports need a token, and there is none.
    TokenMissing,
    /// The token is another one.
    TokenInvalid,
}

impl Failure {
    /// Status and sentence, in E2B's words; SDKs look for "was not found" and "port is not open".
    fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::SandboxNotFound => (StatusCode::BAD_GATEWAY, "The sandbox was not found"),
            Self::PortClosed => {
                (StatusCode::BAD_GATEWAY, "The sandbox is running but port is not open")
            }
            Self::BadAnswer => (
                StatusCode::BAD_GATEWAY,
                "The server in the sandbox broke off or did not speak HTTP",
            ),
            Self::NoAnswer => {
                (StatusCode::GATEWAY_TIMEOUT, "The server in the sandbox did not answer in time")
            }
            Self::TooManyConnections => (
                StatusCode::TOO_MANY_REQUESTS,
                "The sandbox has too many concurrent incoming connections",
            ),
            Self::ClientSilent => {
                (StatusCode::REQUEST_TIMEOUT, "The rest of the request did not come in time")
            }
            Self::Malformed => (StatusCode::BAD_REQUEST, "The request is not valid"),
            Self::TokenMissing => (
                StatusCode::FORBIDDEN,
                "Sandbox is secured with traffic access token. Token header 'e2b-traffic-access-token' is missing",
            ),
            Self::TokenInvalid => (
                StatusCode::FORBIDDEN,
                "Sandbox is secured with traffic access token. Token header 'e2b-traffic-access-token' is invalid",
            ),
        }
    }

    /// The answer to a request for a port of a sandbox, as a page or in JSON. `id` and `port` are as `host` checked them.
    pub(crate) fn response(self, page: bool, id: &str, port: u16) -> Response {
        let (status, message) = self.told();
        let mut response = if page {
            (status, Html(readable(message, id, port))).into_response()
        } else {
            let mut body = json!({ "sandboxId": id, "message": message, "code": status.as_u16() });
            if self == Self::PortClosed {
                body["port"] = json!(port);
            }
            (status, Json(body)).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("should-retry", HeaderValue::from_static("false"));
        response
    }
}

/// Whether the client is a browser that shows a page: it accepts HTML by name.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|accept| {
        accept
            .split(',')
            .any(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/html")
    })
}

fn readable(message: &str, id: &str, port: u16) -> String {
    // `message` is ours, `id` is [a-z0-9], `port` a number: nothing to escape.
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{message}</title>\n\
         <style>body{{font-family:system-ui,sans-serif;max-width:40rem;margin:20vh auto;padding:0 1rem}}\
         code{{background:#8883;padding:.1em .3em;border-radius:.2em}}</style></head>\n\
         <body><h1>{message}</h1>\n<p>Sandbox <code>{id}</code>, port <code>{port}</code>.</p>\n\
         <p>If a server should answer here, check that the sandbox is alive and that the server listens on this port.</p>\n\
         </body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(failure: Failure, accept: &'static str) -> (u16, String, String) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        let response = failure.response(wants_page(&headers), "abc", 3000);
        let media = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        (status, media, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn programs_get_json_and_browsers_a_page() {
        let (status, media, body) = ask(Failure::PortClosed, "*/*").await;
        assert_eq!((status, media.as_str()), (502, "application/json"));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = json!({"sandboxId": "abc", "message": "The sandbox is running but port is not open",
                              "port": 3000, "code": 502});
        assert_eq!(body, expected);
        let (status, media, body) =
            ask(Failure::SandboxNotFound, "text/html,application/xhtml+xml;q=0.9").await;
        assert_eq!((status, media.as_str()), (502, "text/html; charset=utf-8"));
        assert!(body.contains("The sandbox was not found") && body.contains("3000"));
        assert_eq!(ask(Failure::TokenMissing, "application/json").await.0, 403);
    }
}
