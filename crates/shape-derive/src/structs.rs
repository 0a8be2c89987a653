//! Structs: JSON objects with required and optional members.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Field, FieldsNamed, GenericArgument, Ident, PathArguments, Type};

use crate::attributes::Attributes;
use crate::camel_case;

pub(crate) fn implement(name: &Ident, fields: &FieldsNamed) -> syn::Result<TokenStream> {
    let identifiers: Vec<_> = fields.named.iter().filter_map(|f| f.ident.as_ref()).collect();
    let wire_names: Vec<_> = fields.named.iter().map(wire_name).collect();
    let reads = fields
        .named
        .iter()
        .map(read_field)
        .collect::<syn::Result<Vec<_>>>()?;
    let writes = fields.named.iter().map(write_field);
    Ok(quote! {
        impl crate::shape::Shape for #name {
            fn read(value: &::serde_json::Value, reader: &mut crate::shape::Reader) -> ::std::option::Option<Self> {
                let object = reader.object(value, &[#(#wire_names),*])?;
                #(#reads)*
                ::std::option::Option::Some(Self { #(#identifiers: #identifiers?),* })
            }
        }

        impl ::serde::Serialize for #name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(::std::option::Option::None)?;
                #(#writes)*
                ::serde::ser::SerializeMap::end(map)
            }
        }
    })
}

fn read_field(field: &Field) -> syn::Result<TokenStream> {
    let identifier = &field.ident;
    let wire_name = wire_name(field);
    let arguments = Attributes::parse(&field.attrs)?.arguments();
    Ok(match optional(&field.ty) {
        Some(inner) => quote! {
            let #identifier = reader.optional::<#inner>(object, #wire_name, #arguments);
        },
        None => {
            let ty = &field.ty;
            quote! { let #identifier = reader.required::<#ty>(object, #wire_name, #arguments); }
        }
    })
}

fn write_field(field: &Field) -> TokenStream {
    let identifier = &field.ident;
    let wire_name = wire_name(field);
    if optional(&field.ty).is_some() {
        quote! {
            if let ::std::option::Option::Some(value) = &self.#identifier {
                ::serde::ser::SerializeMap::serialize_entry(&mut map, #wire_name, value)?;
            }
        }
    } else {
        quote! { ::serde::ser::SerializeMap::serialize_entry(&mut map, #wire_name, &self.#identifier)?; }
    }
}

fn wire_name(field: &Field) -> String {
    field
        .ident
        .as_ref()
        .map(|i| camel_case(&i.unraw().to_string()))
        .unwrap_or_default()
}

/// The `T` of an `Option<T>`.
fn optional(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|s| s.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}
