//! Enums: enumerations of strings, and unions (objects with exactly one member).

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DataEnum, Ident, Variant};

use crate::attributes::Attributes;
use crate::camel_case;

pub(crate) fn implement_enumeration(name: &Ident, data: &DataEnum) -> syn::Result<TokenStream> {
    let variants: Vec<_> = data.variants.iter().map(|v| &v.ident).collect();
    let wire_names = data
        .variants
        .iter()
        .map(enumeration_name)
        .collect::<syn::Result<Vec<_>>>()?;
    Ok(quote! {
        impl #name {
            /// The string this value has in the API.
            pub fn as_str(self) -> &'static str {
                match self { #(Self::#variants => #wire_names),* }
            }
        }

        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::shape::Shape for #name {
            fn read(value: &::serde_json::Value, reader: &mut crate::shape::Reader) -> ::std::option::Option<Self> {
                match reader.text(value)? {
                    #(#wire_names => ::std::option::Option::Some(Self::#variants),)*
                    other => reader.not_one_of(other, &[#(#wire_names),*]),
                }
            }
        }

        impl ::serde::Serialize for #name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    })
}

pub(crate) fn implement_union(name: &Ident, data: &DataEnum) -> syn::Result<TokenStream> {
    let variants: Vec<_> = data.variants.iter().map(|v| &v.ident).collect();
    let types = data
        .variants
        .iter()
        .map(member_type)
        .collect::<syn::Result<Vec<_>>>()?;
    let wire_names: Vec<_> = variants.iter().map(|v| camel_case(&v.to_string())).collect();
    let arguments = data
        .variants
        .iter()
        .map(|variant| Ok(Attributes::parse(&variant.attrs)?.arguments()))
        .collect::<syn::Result<Vec<_>>>()?;
    Ok(quote! {
        impl crate::shape::Shape for #name {
            fn read(value: &::serde_json::Value, reader: &mut crate::shape::Reader) -> ::std::option::Option<Self> {
                let (member, value) = reader.union_member(value, &[#(#wire_names),*])?;
                match member {
                    #(#wire_names => reader
                        .within_field(member, |reader| reader.bounded::<#types>(value, #arguments))
                        .map(Self::#variants),)*
                    _ => ::std::option::Option::None,
                }
            }
        }

        impl ::serde::Serialize for #name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(::std::option::Option::Some(1))?;
                match self {
                    #(Self::#variants(value) => ::serde::ser::SerializeMap::serialize_entry(&mut map, #wire_names, value)?,)*
                }
                ::serde::ser::SerializeMap::end(map)
            }
        }
    })
}

fn enumeration_name(variant: &Variant) -> syn::Result<String> {
    Attributes::parse(&variant.attrs)?
        .name
        .map(|name| name.value())
        .ok_or_else(|| syn::Error::new_spanned(variant, "say the API's string: #[shape(name = \"...\")]"))
}

fn member_type(variant: &Variant) -> syn::Result<&syn::Type> {
    let mut fields = variant.fields.iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => Ok(&field.ty),
        _ => Err(syn::Error::new_spanned(
            variant,
            "a union's variant has exactly one unnamed field",
        )),
    }
}
