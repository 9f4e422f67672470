//! Documents in XML, as carriers read them: strict about the form, without knowledge of the
//! elements. Pure.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Callback;

/// An element of the document.
#[derive(Debug, Default)]
pub(in crate::carrier) struct Element {
    /// Its name.
    pub(in crate::carrier) name: String,
    attributes: Vec<(String, String)>,
    /// Its own text, without that of its children.
    pub(in crate::carrier) text: String,
    /// The elements in it.
    pub(in crate::carrier) children: Vec<Element>,
}

impl Element {
    fn open(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut element = Self { name: start.name().as_ref().to_owned(), ..Self::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    /// The value of an attribute.
    pub(in crate::carrier) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The address in the attribute `url`, to be requested by the method in the attribute `method`.
    pub(in crate::carrier) fn callback(&self, url: &str, method: &str) -> Option<Callback> {
        Some(Callback {
            url: self.attribute(url).filter(|url| !url.is_empty())?.to_owned(),
            get: self.attribute(method).is_some_and(|method| method.eq_ignore_ascii_case("GET")),
        })
    }

    /// Its attributes that are not `known`, in words.
    pub(in crate::carrier) fn unknown_attributes<'a>(&'a self, known: &'a [&str]) -> impl Iterator<Item = String> + 'a {
        let unknown = self.attributes.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        unknown.map(|(name, _)| format!("unknown attribute `{name}` of <{}>", self.name))
    }
}

/// The root element of a document.
///
/// # Errors
/// What is wrong with it.
pub(in crate::carrier) fn tree(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    // The open elements. The first is a nameless one around the root.
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|error| format!("{error} at byte {}", reader.error_position()))?;
        let depth = open.len();
        // The first one is never closed: the reader refuses an end without a start.
        let Some(current) = open.last_mut() else { return Err("an end without a start".into()) };
        match event {
            Event::Start(start) if depth > DEEPEST => {
                return Err(format!("<{}> is nested too deep", start.name().as_ref()));
            }
            Event::Start(start) => open.push(Element::open(&start)?),
            Event::Empty(start) => current.children.push(Element::open(&start)?),
            Event::End(_) => {
                if let Some(element) = open.pop()
                    && let Some(parent) = open.last_mut()
                {
                    parent.children.push(element);
                }
            }
            Event::Text(piece) => current.text.push_str(&piece.xml10_content()),
            Event::CData(piece) => current.text.push_str(&piece.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                Some(character) => current.text.push(character),
                None => current.text.push_str(
                    quick_xml::escape::resolve_predefined_entity(&reference)
                        .ok_or_else(|| format!("unknown entity &{};", &*reference))?,
                ),
            },
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
        }
    }
    let mut holder = match <[Element; 1]>::try_from(open) {
        Ok([holder]) => holder,
        Err(open) => return Err(format!("<{}> is not closed", open.last().map_or("", |element| &element.name))),
    };
    match (holder.children.pop(), holder.children.is_empty(), holder.text.trim()) {
        (Some(root), true, "") => Ok(root),
        (None, ..) => Err("no element at all".into()),
        _ => Err("more than one root element, or text next to it".into()),
    }
}

/// The deepest nesting of elements. Documents of carriers need four.
const DEEPEST: usize = 16;
