//! The token: what is in it, and the ways in which it lies.

use std::collections::BTreeMap;

use aes_gcm::aead::{Aead, KeyInit};
use cryptoki_sys::*;
use hmac::{Hmac, Mac};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use sha2::Sha256;

use super::objects::{self, Attributes, is, key, long, pkcs8, point};

/// What C_WrapKey gives, and the length that it tells for no buffer.
pub struct Wrapped {
    pub blob: Vec<u8>,
    pub told: CK_ULONG,
}

pub struct State {
    mode: String,
    pub objects: BTreeMap<CK_OBJECT_HANDLE, Attributes>,
    next: CK_OBJECT_HANDLE,
    pub found: Vec<CK_OBJECT_HANDLE>,
    pub signing: (CK_MECHANISM_TYPE, CK_OBJECT_HANDLE),
    pub removed: bool,
    reads: u8,
    wraps: u8,
}

pub fn padded<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut own = [b' '; N];
    own[..text.len()].copy_from_slice(text);
    own
}

fn state_file() -> Option<String> {
    std::env::var("QH_HOSTILE_STATE").ok()
}

/// Writes down what a module can see and do in its process.
pub fn look_around(mode: &str) {
    let Some(path) = state_file() else { return };
    if mode == "peek" {
        let mut seen = std::fs::read("/proc/self/environ").unwrap_or_default();
        seen.extend(std::fs::read("/proc/self/cmdline").unwrap_or_default());
        seen.extend(format!("{:?}", std::env::vars_os().collect::<Vec<_>>()).into_bytes());
        let _ = std::fs::write(&path, seen);
    }
    if mode == "socket" {
        let told = |result: std::io::Result<()>| match result {
            Ok(()) => "made".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        let inet = told(std::net::UdpSocket::bind("127.0.0.1:0").map(|_| ()));
        let unix = told(std::os::unix::net::UnixDatagram::unbound().map(|_| ()));
        let program = told(std::process::Command::new("/bin/true").spawn().map(|_| ()));
        let thread = told(
            std::thread::Builder::new()
                .spawn(|| ())
                .map(|own| drop(own.join())),
        );
        let parent = rustix::process::getppid().expect("a parent");
        let signal = told(
            rustix::process::kill_process(parent, rustix::process::Signal::CONT)
                .map_err(Into::into),
        );
        let terminal = told(std::fs::File::open("/dev/tty").map(|_| ()));
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = |name: &str| {
            status
                .lines()
                .find(|line| line.starts_with(name))
                .unwrap_or_default()
                .to_owned()
        };
        let text = format!(
            "inet: {inet}\nunix: {unix}\nprogram: {program}\nthread: {thread}\nsignal: {signal}\nterminal: {terminal}\n{}\n{}\n",
            line("CapEff:"),
            line("NoNewPrivs:")
        );
        let _ = std::fs::write(&path, text);
    }
}

impl State {
    pub fn new(mode: &str) -> Self {
        let mut own = Self {
            mode: mode.to_owned(),
            objects: BTreeMap::new(),
            next: 1,
            found: vec![],
            signing: (0, 0),
            removed: false,
            reads: 0,
            wraps: 0,
        };
        if std::env::var_os("QH_HOSTILE_EMPTY").is_none() {
            for object in objects::first() {
                own.add(object);
            }
        }
        own
    }

    fn add(&mut self, object: Attributes) -> CK_OBJECT_HANDLE {
        let handle = self.next;
        self.next += 1;
        self.objects.insert(handle, object);
        handle
    }

    /// `two-tokens`: two with one label; `twins`: two that nothing tells apart.
    pub fn slots(&self) -> Vec<CK_SLOT_ID> {
        match self.mode.as_str() {
            "two-tokens" | "twins" => vec![1, 2],
            "crowd-slots" => (1..=250).collect(),
            _ => vec![1],
        }
    }

    fn wrong_pins(&self) -> u32 {
        let text = state_file().and_then(|path| std::fs::read_to_string(path).ok());
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn set_wrong_pins(&self, count: u32) {
        if let Some(path) = state_file() {
            let _ = std::fs::write(path, count.to_string());
        }
    }

    fn locked(&self) -> bool {
        self.mode == "locked" || self.wrong_pins() >= 3
    }

    pub fn token_info(&self, slot: CK_SLOT_ID) -> CK_TOKEN_INFO {
        let label: &[u8] = match self.mode.as_str() {
            "escape-label" => b"\x1b[2J\xff\xfe\nhostile",
            // `crowd-slots`: more tokens, with longer labels, than one entry of a transcript holds.
            "crowd-slots" => "\u{1f511}".repeat(8).leak().as_bytes(),
            _ => b"hostile",
        };
        let serial = match self.mode.as_str() {
            "two-tokens" => format!("{slot:04}"),
            "crowd-slots" => format!("{}{slot:04}", "\u{1f511}".repeat(3)),
            _ => "0001".to_owned(),
        };
        let mut flags =
            CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED | CKF_RNG;
        match self.wrong_pins() {
            _ if self.locked() => flags |= CKF_USER_PIN_LOCKED,
            0 => {}
            1 => flags |= CKF_USER_PIN_COUNT_LOW,
            _ => flags |= CKF_USER_PIN_FINAL_TRY,
        }
        if self.mode == "write-protected" {
            flags |= CKF_WRITE_PROTECTED;
        }
        CK_TOKEN_INFO {
            label: padded(label),
            manufacturerID: padded(b"qh tests"),
            model: padded(b"model"),
            serialNumber: padded(serial.as_bytes()),
            flags,
            utcTime: padded(b""),
            ..Default::default()
        }
    }

    pub fn login(&mut self, pin: &[u8]) -> CK_RV {
        if self.mode == "peek" {
            look_around("peek"); // the PIN has arrived: where can it be seen?
            return CKR_PIN_INCORRECT;
        }
        if self.locked() {
            return CKR_PIN_LOCKED;
        }
        if pin == b"123456" {
            self.set_wrong_pins(0);
            return CKR_OK;
        }
        self.set_wrong_pins(self.wrong_pins() + 1);
        CKR_PIN_INCORRECT
    }

    /// `other-create`: another key is stored than the one that was given, public key and all.
    pub fn create(&mut self, mut attributes: Attributes) -> CK_OBJECT_HANDLE {
        let on_token = attributes.get(&CKA_TOKEN).is_some_and(|own| own == &[1]);
        if let Some(value) = attributes
            .get(&CKA_VALUE)
            .filter(|_| is(&attributes, CKA_CLASS, CKO_SECRET_KEY))
        {
            let length = long(value.len() as CK_ULONG);
            attributes.insert(CKA_VALUE_LEN, length);
        }
        if self.mode == "other-create" && on_token {
            if is(&attributes, CKA_CLASS, CKO_PRIVATE_KEY) {
                attributes.insert(CKA_VALUE, key(9).to_bytes().to_vec());
            }
            if is(&attributes, CKA_CLASS, CKO_PUBLIC_KEY) {
                attributes.insert(CKA_EC_POINT, point(&key(9)));
            }
        }
        // `weak-create`: what should be sensitive and stay may be read and leave.
        if self.mode == "weak-create" && on_token && !is(&attributes, CKA_CLASS, CKO_PUBLIC_KEY) {
            attributes.insert(CKA_EXTRACTABLE, vec![1]);
        }
        // `false-create`: the public key is right, and the private key beside it is another one.
        if self.mode == "false-create" && on_token && is(&attributes, CKA_CLASS, CKO_PRIVATE_KEY) {
            attributes.insert(CKA_VALUE, key(9).to_bytes().to_vec());
        }
        self.add(attributes)
    }

    pub fn find(&mut self, wanted: &Attributes) {
        let fits = |object: &Attributes| {
            wanted
                .iter()
                .all(|(name, value)| object.get(name) == Some(value))
        };
        self.found = self
            .objects
            .iter()
            .filter(|(_, own)| fits(own))
            .map(|(handle, _)| *handle)
            .collect();
    }

    pub fn attribute(
        &mut self,
        object: CK_OBJECT_HANDLE,
        wanted: CK_ATTRIBUTE_TYPE,
    ) -> Result<Vec<u8>, CK_RV> {
        self.reads = self.reads.wrapping_add(1);
        let own = self.objects.get(&object).ok_or(CKR_OBJECT_HANDLE_INVALID)?;
        let is_key = is(own, CKA_CLASS, CKO_PRIVATE_KEY) || is(own, CKA_CLASS, CKO_SECRET_KEY);
        let sensitive = own.get(&CKA_SENSITIVE).is_some_and(|own| own == &[1]);
        match (self.mode.as_str(), wanted) {
            (_, CKA_VALUE) if sensitive => return Err(CKR_ATTRIBUTE_SENSITIVE),
            ("escape-label", CKA_LABEL) => return Ok(b"\x1b[2J\xe2\x80\xaeevil\n\xff".to_vec()),
            ("changing-label", CKA_LABEL) => {
                return Ok(format!("label {}", self.reads).into_bytes());
            }
            ("changing-public", CKA_EC_POINT) => return Ok(point(&key(1 + self.reads % 100))),
            ("lying-extractable", CKA_EXTRACTABLE) if is_key => return Ok(vec![0]),
            ("untold-extractable", CKA_EXTRACTABLE) => return Err(CKR_ATTRIBUTE_TYPE_INVALID),
            ("never-extractable", CKA_NEVER_EXTRACTABLE) if is_key => return Ok(vec![1]),
            ("trusted-only", CKA_WRAP_WITH_TRUSTED) if is_key => return Ok(vec![1]),
            ("no-public", CKA_EC_POINT) => return Err(CKR_ATTRIBUTE_TYPE_INVALID),
            ("lying-note", CKA_LABEL) if is(own, CKA_CLASS, CKO_DATA) => {
                return Ok(b"another".to_vec());
            }
            ("other-data", CKA_VALUE) => return Ok(b"something else".to_vec()),
            _ => {}
        }
        own.get(&wanted).cloned().ok_or(CKR_ATTRIBUTE_TYPE_INVALID)
    }

    pub fn sign(&mut self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        let (mechanism, handle) = self.signing;
        let own = self.objects.get(&handle).ok_or(CKR_KEY_HANDLE_INVALID)?;
        let value = own.get(&CKA_VALUE).ok_or(CKR_KEY_TYPE_INCONSISTENT)?;
        if self.mode == "bad-signature" {
            let mut random = vec![0; if mechanism == CKM_ECDSA { 64 } else { 32 }];
            getrandom::fill(&mut random).map_err(|_| CKR_DEVICE_ERROR)?;
            return Ok(random);
        }
        match mechanism {
            CKM_ECDSA => {
                let key = p256::ecdsa::SigningKey::from_slice(value)
                    .map_err(|_| CKR_KEY_TYPE_INCONSISTENT)?;
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(data).map_err(|_| CKR_DATA_INVALID)?;
                Ok(signature.to_bytes().to_vec())
            }
            CKM_SHA256_HMAC => {
                let mut mac =
                    <Hmac<Sha256> as Mac>::new_from_slice(value).map_err(|_| CKR_DATA_INVALID)?;
                mac.update(data);
                Ok(mac.finalize().into_bytes().to_vec())
            }
            _ => Err(CKR_MECHANISM_INVALID),
        }
    }

    pub fn wrap(
        &mut self,
        mechanism: CK_MECHANISM_TYPE,
        iv: &[u8],
        under: CK_OBJECT_HANDLE,
        object: CK_OBJECT_HANDLE,
        asks: bool,
    ) -> Result<Wrapped, CK_RV> {
        if self.mode == "removed-wrap" {
            self.removed = true;
            return Err(CKR_DEVICE_REMOVED);
        }
        let wrapping = self
            .objects
            .get(&under)
            .and_then(|own| own.get(&CKA_VALUE))
            .cloned();
        let wrapping = wrapping
            .filter(|key| key.len() == 32)
            .ok_or(CKR_WRAPPING_KEY_HANDLE_INVALID)?;
        let own = self.objects.get(&object).ok_or(CKR_KEY_HANDLE_INVALID)?;
        let mut value = own.get(&CKA_VALUE).cloned().ok_or(CKR_KEY_NOT_WRAPPABLE)?;
        let private = is(own, CKA_CLASS, CKO_PRIVATE_KEY);
        match self.mode.as_str() {
            "other-key" if private => value = key(8).to_bytes().to_vec(),
            "changing-key" if private => {
                self.wraps += 1;
                value = key(10 + self.wraps).to_bytes().to_vec();
            }
            "other-secret" if !private => value.reverse(),
            "short-secret" if !private => value.truncate(64),
            _ => {}
        }
        let plain = if private {
            pkcs8(&value).ok_or(CKR_KEY_NOT_WRAPPABLE)?
        } else {
            value
        };
        let kek = aes_kw::KekAes256::try_from(wrapping.as_slice())
            .map_err(|_| CKR_WRAPPING_KEY_SIZE_RANGE)?;
        let only_pad = self.mode == "pad-only" && mechanism != CKM_AES_KEY_WRAP_PAD;
        let mut blob = match mechanism {
            _ if only_pad => return Err(CKR_MECHANISM_INVALID),
            CKM_AES_GCM => {
                let cipher = aes_gcm::Aes256Gcm::new_from_slice(&wrapping)
                    .map_err(|_| CKR_WRAPPING_KEY_SIZE_RANGE)?;
                let nonce =
                    aes_gcm::Nonce::from_slice(iv.get(..12).ok_or(CKR_MECHANISM_PARAM_INVALID)?);
                cipher
                    .encrypt(nonce, plain.as_slice())
                    .map_err(|_| CKR_GENERAL_ERROR)?
            }
            CKM_AES_KEY_WRAP_PAD => kek
                .wrap_with_padding_vec(&plain)
                .map_err(|_| CKR_KEY_SIZE_RANGE)?,
            CKM_AES_KEY_WRAP => kek.wrap_vec(&plain).map_err(|_| CKR_KEY_SIZE_RANGE)?,
            _ => return Err(CKR_MECHANISM_INVALID),
        };
        let mut told = blob.len() as CK_ULONG;
        match self.mode.as_str() {
            "long-wrap" => told = 1 << 40,
            "large-wrap" => told = 1 << 20,
            "short-wrap" => blob = vec![1, 2, 3],
            "grow-wrap" if asks => told = 16,
            "odd-wrap" => told += 24, // more room than is filled
            "garbage-wrap" => getrandom::fill(&mut blob).map_err(|_| CKR_DEVICE_ERROR)?,
            _ => {}
        }
        Ok(Wrapped { blob, told })
    }
}
