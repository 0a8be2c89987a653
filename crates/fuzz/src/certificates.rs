//! PEM files of certificates, keys and authorities: one file that is taken as each of them.

use evermesh_certificates::{Bundle, Pair};

use crate::{Form, Target, names_a_fault};

pub(crate) const TARGET: Target = Target {
    name: "certificates",
    max_length: 16 * 1024, // a chain of ten
    form: Form::Bytes,
    run,
    derived: Vec::new,
};

fn run(data: &[u8]) {
    match Pair::from_pem(data, data) {
        Ok(pair) => {
            let again = Pair::from_pem(pair.chain(), pair.key());
            assert_eq!(again.as_ref(), Ok(&pair), "what is written can be read");
            is_bounded(pair.chain(), data);
            is_bounded(pair.key(), data);
        }
        Err(fault) => names_a_fault(&fault.to_string()),
    }
    match Bundle::from_pem(data) {
        Ok(bundle) => {
            assert_eq!(
                Bundle::from_pem(bundle.pem()).as_ref(),
                Ok(&bundle),
                "what is written can be read"
            );
            is_bounded(bundle.pem(), data);
            let text = String::from_utf8_lossy(bundle.pem());
            assert!(!text.contains("PRIVATE KEY"), "authorities have no key with them");
        }
        Err(fault) => names_a_fault(&fault.to_string()),
    }
}

/// Lines are of 64 characters at most, whatever they were.
fn is_bounded(written: &[u8], data: &[u8]) {
    assert!(
        written.len() <= 2 * data.len(),
        "{} bytes of {}",
        written.len(),
        data.len()
    );
}
