//! The `#[shape(...)]` attributes of fields and variants.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, LitInt, LitStr, Path};

/// What a field or variant says about itself.
#[derive(Default)]
pub(crate) struct Attributes {
    /// Lower bound of value, length or number of items.
    pub(crate) min: Option<LitInt>,
    /// Upper bound of the same.
    pub(crate) max: Option<LitInt>,
    /// A further check on the read value.
    pub(crate) check: Option<Path>,
    /// The string an enumeration's variant has on the wire.
    pub(crate) name: Option<LitStr>,
}

impl Attributes {
    /// The bounds and the check as the last two arguments of a read.
    pub(crate) fn arguments(&self) -> TokenStream {
        let bound = |bound: &Option<LitInt>| match bound {
            None => quote!(::std::option::Option::None),
            Some(number) => quote!(::std::option::Option::Some(#number)),
        };
        let (min, max) = (bound(&self.min), bound(&self.max));
        let check = match &self.check {
            None => quote!(|_| ::std::result::Result::Ok(())),
            Some(path) => quote!(#path),
        };
        quote!(crate::shape::Bounds { min: #min, max: #max }, #check)
    }

    pub(crate) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut parsed = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("shape")) {
            attribute.parse_nested_meta(|meta| {
                let value = meta.value()?;
                match meta.path.get_ident().map(ToString::to_string).as_deref() {
                    Some("min") => parsed.min = Some(value.parse()?),
                    Some("max") => parsed.max = Some(value.parse()?),
                    Some("check") => parsed.check = Some(value.parse()?),
                    Some("name") => parsed.name = Some(value.parse()?),
                    _ => return Err(meta.error("expected min, max, check or name")),
                }
                Ok(())
            })?;
        }
        Ok(parsed)
    }
}
