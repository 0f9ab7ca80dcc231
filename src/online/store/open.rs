//! A store by its address.

use std::path::Path;

use super::s3::{S3, S3Settings};
use super::{Directory, Store, StoreFault};
use crate::transcript::visible::visible_short;

/// Opens `file:///DIRECTORY` or `s3://BUCKET/PREFIX` (see [`S3Settings::parse`]); `adjust` may change a bucket's settings.
///
/// # Errors
/// [`StoreFault::Address`].
pub fn open(
    address: &str,
    adjust: impl FnOnce(&mut S3Settings),
) -> Result<Box<dyn Store>, StoreFault> {
    if let Some(path) = address.strip_prefix("file://") {
        return Ok(Box::new(Directory::open(Path::new(path))?));
    }
    if address.starts_with("s3://") {
        let mut settings = S3Settings::parse(address)?;
        adjust(&mut settings);
        return Ok(Box::new(S3::open(settings)?));
    }
    Err(StoreFault::Address {
        given: visible_short(address, 200),
        reason: "it begins with neither file:// nor s3://".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let directory = tempfile::tempdir().unwrap();
        let file = format!("file://{}", directory.path().display());
        assert_eq!(open(&file, |_| ()).unwrap().address(), file);
        let bucket = open("s3://abc/x", |settings| settings.prefix = "y".into()).unwrap();
        assert_eq!(bucket.address(), "s3://abc/y");
        for (address, reason) in [
            ("file://relative", "the path is not absolute"),
            ("/dir", "it begins with neither file:// nor s3://"),
            ("s3://", "a bucket's name is 3 to 63 of a-z, 0-9, . and -"),
        ] {
            let fault = open(address, |_| ()).err().unwrap();
            assert!(
                matches!(&fault, StoreFault::Address { reason: r, .. } if r == reason),
                "{fault}"
            );
        }
        let http = |settings: &mut S3Settings| settings.endpoint = Some("http://x.example".into());
        assert!(open("s3://abc", http).is_err());
    }
}
