//! Errors in responses: RFC 9457, `application/problem+json`.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Value, json};

/// An error for the client. Details for our log alone are logged where they occur and never get
/// here.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    /// `Allow` of a 405, `WWW-Authenticate` of a 401, `Retry-After` of a 503.
    header: Option<(header::HeaderName, String)>,
    /// A further member of the document.
    member: Option<Box<(&'static str, Value)>>,
}

impl Problem {
    /// A problem with this `status`; `detail` says what to do about it.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), header: None, member: None }
    }

    /// The request cannot be read.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The request is not from an authorised client, and the response reveals no more.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// The resource does not exist.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The service is unavailable; the client may retry in `seconds`.
    pub(super) fn unavailable(detail: impl Into<String>, seconds: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_header(header::RETRY_AFTER, seconds.to_string())
    }

    /// An order that cannot be read is 422 in place of 400, at paths that promise so.
    pub(super) fn of_the_body(mut self) -> Self {
        if self.status == StatusCode::BAD_REQUEST {
            self.status = StatusCode::UNPROCESSABLE_ENTITY;
        }
        self
    }

    /// Adds a member to the document, for programs.
    pub(super) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.member = Some(Box::new((name, value)));
        self
    }

    /// Adds a header.
    pub(super) fn with_header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), value.as_str()));
        }
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut document =
            json!({ "type": "about:blank", "title": title, "status": self.status.as_u16(), "detail": self.detail });
        if let Some(member) = &self.member {
            let (name, value) = &**member;
            document[*name] = value.clone();
        }
        response.content_type("application/problem+json").body(document.to_string())
    }
}

/// The response for an unknown path.
pub(super) async fn no_such_path(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::not_found(format!("there is nothing at {}", request.path())))
}
