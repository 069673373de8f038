//! Signing keys: one ECDSA P-256 key per zone that signs everything (a CSK), made once and kept.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::{CDNSKEY, CDS, DNSKEY, DNSSECRData, DS, RRSIG, SigInput};
use hickory_proto::dnssec::{Algorithm, DigestType, DnssecSigner, SigningKey as _, TBS};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber};
use jiff::Timestamp;
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};

use crate::error::LabError;

/// Signatures are valid this long; a restarted laboratory signs anew.
const SIGNATURE_LIFE: Duration = Duration::from_secs(14 * 24 * 3600);
/// Signatures start this far in the past, for clocks that differ.
const SIGNATURE_BACKDATE: i64 = 3600;

/// A key as the save file keeps it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    /// Number of the key within its zone, from 1.
    pub(crate) id: u32,
    /// Whether it signs.
    pub(crate) active: bool,
    /// Whether its DNSKEY is served.
    pub(crate) published: bool,
    /// The private key, PKCS#8 in base64.
    pkcs8: String,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey")
            .field("id", &self.id)
            .field("active", &self.active)
            .field("published", &self.published)
            .finish_non_exhaustive()
    }
}

impl StoredKey {
    /// A new key.
    pub(crate) fn generate(id: u32, active: bool, published: bool) -> Result<Self, LabError> {
        let der = EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256)
            .map_err(|e| signing(".", e))?;
        Ok(Self {
            id,
            active,
            published,
            pkcs8: BASE64.encode(der.secret_pkcs8_der()),
        })
    }

    fn load(&self, zone: &Name) -> Result<EcdsaSigningKey, LabError> {
        let der = BASE64.decode(&self.pkcs8).map_err(|e| signing(zone, e))?;
        EcdsaSigningKey::from_pkcs8(&PrivatePkcs8KeyDer::from(der), Algorithm::ECDSAP256SHA256)
            .map_err(|e| signing(zone, e))
    }

    /// The public key record: zone key and secure entry point, flags 257.
    pub(crate) fn dnskey(&self, zone: &Name) -> Result<DNSKEY, LabError> {
        let public = self
            .load(zone)?
            .to_public_key()
            .map_err(|e| signing(zone, e))?;
        Ok(DNSKEY::from_key(&public))
    }

    /// The delegation record for this key.
    pub(crate) fn ds(&self, zone: &Name, digest: DigestType) -> Result<DS, LabError> {
        let key = self.dnskey(zone)?;
        Ok(DS::new(
            key.calculate_key_tag().map_err(|e| signing(zone, e))?,
            Algorithm::ECDSAP256SHA256,
            digest,
            key.to_digest(zone, digest)
                .map_err(|e| signing(zone, e))?
                .as_ref()
                .to_vec(),
        ))
    }

    /// What the child asks its parent to publish (RFC 7344), as digest and as key.
    pub(crate) fn cds(&self, zone: &Name, digest: DigestType) -> Result<RData, LabError> {
        let ds = self.ds(zone, digest)?;
        Ok(RData::DNSSEC(DNSSECRData::CDS(CDS::new(
            ds.key_tag(),
            Some(ds.algorithm()),
            digest,
            ds.digest().to_vec(),
        ))))
    }

    /// See [`Self::cds`].
    pub(crate) fn cdnskey(&self, zone: &Name) -> Result<RData, LabError> {
        let key = self.dnskey(zone)?;
        Ok(RData::DNSSEC(DNSSECRData::CDNSKEY(CDNSKEY::with_flags(
            key.flags(),
            Some(Algorithm::ECDSAP256SHA256),
            key.public_key().clone().into_inner(),
        ))))
    }

    /// A signer for the zone.
    pub(crate) fn signer(&self, zone: &Name) -> Result<DnssecSigner, LabError> {
        let key = self.load(zone)?;
        let dnskey = self.dnskey(zone)?;
        Ok(DnssecSigner::new(
            dnskey,
            Box::new(key),
            zone.clone(),
            SIGNATURE_LIFE,
        ))
    }

    /// The private key as zone tools print it; only ever given to who asks for it by id.
    pub(crate) fn private_text(&self) -> String {
        format!(
            "Private-key-format: v1.2\\nAlgorithm: 13 (ECDSAP256SHA256)\\nPkcs8: {}\\n",
            self.pkcs8
        )
    }
}

/// The wish to have every DS removed: `CDS 0 0 0 00` (RFC 8078 4).
pub(crate) fn delete_cds() -> RData {
    let nothing = CDS::new(0, None, DigestType::from(0), vec![0]);
    RData::DNSSEC(DNSSECRData::CDS(nothing))
}

/// DS, CDS and DNSKEY contents as zone files write them.
pub(crate) fn ds_text(ds: &DS) -> String {
    format!(
        "{} {} {} {}",
        ds.key_tag(),
        u8::from(ds.algorithm()),
        u8::from(ds.digest_type()),
        hex(ds.digest())
    )
}

/// See [`ds_text`].
pub(crate) fn dnskey_text(key: &DNSKEY) -> String {
    format!(
        "{} 3 13 {}",
        key.flags(),
        BASE64.encode(key.public_key().clone().into_inner())
    )
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The signature over one record set by one signer.
pub(crate) fn sign(records: &[Record], signer: &DnssecSigner) -> Result<Option<Record>, LabError> {
    let Some(first) = records.first() else {
        return Ok(None);
    };
    let zone = signer.signer_name();
    let now = Timestamp::now().as_second();
    let life = i64::try_from(signer.sig_duration().as_secs()).unwrap_or(i64::MAX / 2);
    let input = SigInput {
        type_covered: first.record_type(),
        algorithm: signer.key().algorithm(),
        num_labels: first.name.num_labels(),
        original_ttl: first.ttl,
        sig_expiration: SerialNumber::new(serial_time(now + life)),
        sig_inception: SerialNumber::new(serial_time(now - SIGNATURE_BACKDATE)),
        key_tag: signer.calculate_key_tag().map_err(|e| signing(zone, e))?,
        signer_name: zone.clone(),
    };
    let tbs = TBS::from_input(&first.name, DNSClass::IN, &input, records.iter())
        .map_err(|e| signing(zone, e))?;
    let signature = signer.sign(&tbs).map_err(|e| signing(zone, e))?;
    Ok(Some(Record::from_rdata(
        first.name.clone(),
        first.ttl,
        RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature))),
    )))
}

/// DNSSEC times are seconds since 1970 modulo 2^32 (RFC 4034 3.1.5).
fn serial_time(seconds: i64) -> u32 {
    u32::try_from(seconds.rem_euclid(1 << 32)).unwrap_or(0)
}

/// The type a signature covers.
pub(crate) fn covers(record: &Record) -> Option<RecordType> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(sig)) => Some(sig.input().type_covered),
        _ => None,
    }
}

/// The same signature, broken.
pub(crate) fn broken(record: &Record) -> Record {
    let mut record = record.clone();
    if let RData::DNSSEC(DNSSECRData::RRSIG(sig)) = &record.data {
        let mut bytes = sig.sig().to_vec();
        if let Some(last) = bytes.last_mut() {
            *last ^= 0x55;
        }
        record.data = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(
            sig.input().clone(),
            bytes,
        )));
    }
    record
}

fn signing(zone: impl std::fmt::Display, error: impl std::fmt::Display) -> LabError {
    LabError::Signing {
        zone: zone.to_string(),
        reason: error.to_string(),
    }
}
