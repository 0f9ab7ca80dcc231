//! The metadata service of an EC2 instance (version 2), as far as a role's credentials go.

use std::io::BufReader;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::http::{self, Response};

/// Serves the role `role` with these credentials. Gives the address, and the count of credentials given.
pub fn serve(id: &str, secret: &str, token: &str, expiration: &str) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let given = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&given);
    let document = format!(
        "{{\"Code\":\"Success\",\"LastUpdated\":\"2026-01-01T00:00:00Z\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\",\"Token\":\"{token}\",\"Expiration\":\"{expiration}\"}}"
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while let Ok(Some(request)) = http::read(&mut reader) {
                let session = request.header("x-aws-ec2-metadata-token") == Some("session");
                let base = "/latest/meta-data/iam/security-credentials/";
                let text = match (request.method.as_str(), request.path.as_str()) {
                    ("PUT", "/latest/api/token")
                        if request
                            .header("x-aws-ec2-metadata-token-ttl-seconds")
                            .is_some() =>
                    {
                        Some("session".to_owned())
                    }
                    ("GET", path) if session && path == base => Some("role".into()),
                    ("GET", path) if session && path.strip_prefix(base) == Some("role") => {
                        counted.fetch_add(1, Ordering::SeqCst);
                        Some(document.clone())
                    }
                    _ => None,
                };
                let response = match text {
                    Some(text) => Response {
                        body: text.into_bytes(),
                        ..Response::new(200)
                    },
                    None => Response::new(401),
                };
                let _ = response.write(&mut stream, false, "Thu, 01 Jan 2026 00:00:00 GMT");
            }
        }
    });
    (address, given)
}
