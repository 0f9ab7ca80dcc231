//! Listings: whole, in order, below the prefix, or refused.
//!
//! A server must not be able to hide objects by a short answer, nor keep us busy without end. So each page has its count
//! (see `answer`), keys rise strictly from page to page, a continuation token is given once, and all is bounded.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use ureq::http::Method;

use super::S3;
use super::answer::{self, Page};
use super::wire::Ask;
use crate::online::store::{Listed, StoreFault, valid_name};
use crate::transcript::visible::visible_short;

/// Most objects, or directories, of one listing.
const MAX_KEYS: usize = 5_000_000;

/// Most pages of one listing. A page usually has a thousand keys; some servers give fewer.
const MAX_PAGES: usize = 100_000;

impl S3 {
    fn broken(&self, reason: impl Into<String>) -> StoreFault {
        StoreFault::Listing {
            store: self.session.store.clone(),
            reason: reason.into(),
        }
    }

    /// One page of the keys that begin with `prefix`, the bucket's own word for it.
    pub(super) fn page(
        &self,
        prefix: &str,
        delimiter: bool,
        most: Option<&str>,
        token: Option<&str>,
    ) -> Result<Page, StoreFault> {
        let mut ask = Ask::new(Method::GET, "");
        ask.query = vec![
            ("list-type", "2"),
            ("encoding-type", "url"),
            ("prefix", prefix),
        ];
        if let Some(most) = most {
            ask.query.push(("max-keys", most));
        }
        if delimiter {
            ask.query.push(("delimiter", "/"));
        }
        if let Some(token) = token {
            ask.query.push(("continuation-token", token));
        }
        let got = self.session.ask(&ask, |_| Ok(()));
        let got = match got {
            Err(StoreFault::TooLarge { limit, .. }) => {
                return Err(self.broken(format!("a page has more than {limit} bytes")));
            }
            got => got?,
        };
        if !got.is_good() {
            return Err(self.session.refused(&ask, &got));
        }
        answer::page(&got.answer.body).map_err(|reason| self.broken(reason))
    }

    /// All pages; `each` takes an entry: its name below the store's prefix, and its size unless it is a directory.
    fn pages(
        &self,
        below: &str,
        delimiter: bool,
        mut each: impl FnMut(String, Option<u64>) -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        let prefix = format!("{}{below}", self.prefix);
        let (mut last_key, mut last_prefix) = (String::new(), String::new());
        let mut tokens = HashSet::new();
        let (mut token, mut count) = (None, 0_usize);
        for _ in 0..MAX_PAGES {
            let page = self.page(&prefix, delimiter, None, token.as_deref())?;
            count += page.objects.len() + page.prefixes.len();
            if count > MAX_KEYS {
                return Err(self.broken(format!("it has more than {MAX_KEYS} entries")));
            }
            let objects = page.objects.into_iter().map(|o| (o.key, Some(o.size)));
            let directories = page.prefixes.into_iter().map(|key| (key, None));
            for (key, size) in objects.chain(directories) {
                let shown = || visible_short(&key, 200);
                if !key.starts_with(&prefix) {
                    return Err(self.broken(format!("{} is not below {prefix}", shown())));
                }
                let last = match size {
                    Some(_) => &mut last_key,
                    None => &mut last_prefix,
                };
                if !last.is_empty() && *last >= key {
                    return Err(self.broken(format!("{} is out of order", shown())));
                }
                last.clone_from(&key);
                each(key[self.prefix.len()..].to_owned(), size)?;
            }
            let Some(next) = page.next else {
                return Ok(());
            };
            let hash: [u8; 32] = Sha256::digest(&next).into();
            if !tokens.insert(hash) {
                return Err(self.broken("it gives the same continuation token twice"));
            }
            token = Some(next);
        }
        Err(self.broken(format!("it has more than {MAX_PAGES} pages")))
    }

    fn strange(&self, name: &str) -> StoreFault {
        StoreFault::StrangeName {
            store: self.session.store.clone(),
            name: visible_short(name, 200),
        }
    }

    fn must_be_prefix(&self, prefix: &str) -> Result<(), StoreFault> {
        match prefix.strip_suffix('/') {
            None if prefix.is_empty() => Ok(()),
            Some(name) if valid_name(name) => Ok(()),
            _ => Err(self.strange(prefix)),
        }
    }

    /// See [`Store::list`](crate::online::store::Store::list).
    pub(super) fn listed(&self, prefix: &str) -> Result<Vec<Listed>, StoreFault> {
        self.must_be_prefix(prefix)?;
        let mut found = vec![];
        self.pages(prefix, false, |name, size| match size {
            Some(size) if valid_name(&name) => {
                found.push(Listed { name, size });
                Ok(())
            }
            // No object of ours has such a name, and whoever may write could stop us with one.
            Some(_) => Ok(()),
            None => Err(self.broken("it has directories that were not asked for")),
        })?;
        Ok(found)
    }

    /// See [`Store::directories`](crate::online::store::Store::directories).
    pub(super) fn first_parts(&self, prefix: &str) -> Result<Vec<String>, StoreFault> {
        self.must_be_prefix(prefix)?;
        let mut found = vec![];
        self.pages(prefix, true, |name, size| {
            if size.is_some() {
                return Ok(());
            }
            match name[prefix.len()..].strip_suffix('/') {
                Some(part) if valid_name(part) && !part.contains('/') => {
                    found.push(part.to_owned());
                }
                _ => {} // as above
            }
            Ok(())
        })?;
        Ok(found)
    }
}
