//! Derives `Shape` for the types of `evermesh-model`.
//!
//! One definition of an API shape gives three things that must never disagree: the Rust type, its JSON form in
//! both directions, and a reader that reports *every* violation with its path instead of stopping at the first.
//!
//! | item | JSON form |
//! |---|---|
//! | `struct` | object; fields in camelCase; `Option` fields may be absent, all others are required; unknown fields are violations |
//! | `enum` of unit variants | string, given by `#[shape(name = "...")]` on each variant |
//! | `enum` of one-field variants | union: an object with exactly one member, the variant in camelCase |
//!
//! `#[shape(min = N, max = N)]` on a field or a union's variant bounds a number's value, a string's length in characters or a list's
//! number of items. `#[shape(check = path)]` names a `fn(&T) -> Result<(), String>` run on the read value.

mod attributes;
mod enums;
mod structs;

use proc_macro::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, parse_macro_input};

/// See the crate documentation.
#[proc_macro_derive(Shape, attributes(shape))]
pub fn derive_shape(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let implementation = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => structs::implement(&input.ident, fields),
            _ => Err(syn::Error::new_spanned(&input.ident, "Shape needs named fields")),
        },
        Data::Enum(data) if data.variants.iter().all(|v| v.fields.is_empty()) => {
            enums::implement_enumeration(&input.ident, data)
        }
        Data::Enum(data) => enums::implement_union(&input.ident, data),
        Data::Union(_) => Err(syn::Error::new_spanned(
            &input.ident,
            "Shape is for structs and enums",
        )),
    };
    let name = &input.ident;
    match implementation {
        Ok(tokens) => quote! {
            #tokens

            impl<'de> ::serde::Deserialize<'de> for #name {
                fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                    let value = <::serde_json::Value as ::serde::Deserialize>::deserialize(deserializer)?;
                    crate::shape::from_value(&value).map_err(::serde::de::Error::custom)
                }
            }
        }
        .into(),
        Err(error) => error.into_compile_error().into(),
    }
}

/// `virtual_service` and `VirtualService` both become `virtualService`.
fn camel_case(identifier: &str) -> String {
    let mut out = String::with_capacity(identifier.len());
    let mut upper = false;
    for (index, c) in identifier.chars().enumerate() {
        match c {
            '_' => upper = true,
            c if index == 0 => out.extend(c.to_lowercase()),
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}
