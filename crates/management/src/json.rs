//! Replies as JSON, one object each. docs/pmc-json.md is the schema.

use ptp_wire::management::{Content, ManagementId, Payload};
use serde_json::{Map, Number, Value as Json, json};

use crate::Reply;
use crate::fields::{Field, Value, fields};

/// A reply as an object: `source`, `sequenceId`, `action`, `id`, `idNumber`, and `data` or `error`.
pub fn reply(reply: &Reply) -> Json {
    let header = reply.header();
    let mut object = Map::new();
    object.insert("source".into(), header.source_port_identity.to_string().into());
    object.insert("domain".into(), header.domain_number.into());
    object.insert("sequenceId".into(), header.sequence_id.into());
    object.insert("action".into(), reply.action().name().into());
    let id = reply.id();
    object.insert("id".into(), id.to_string().into());
    object.insert("idNumber".into(), id.0.into());
    match reply.content() {
        Some(Content::Management(tlv)) => match tlv.payload() {
            Ok(payload) => {
                object.insert("data".into(), Json::Object(members(fields(&payload).fields)));
            }
            Err(_) if tlv.data.is_empty() => {
                object.insert("data".into(), Json::Null);
            }
            Err(e) => {
                object.insert("malformed".into(), e.to_string().into());
            }
        },
        Some(Content::Error(status)) => {
            object.insert(
                "error".into(),
                json!({
                    "number": status.error.0,
                    "name": status.error.name(),
                    "text": status.display_data.to_string(),
                }),
            );
        }
        None => {}
    }
    Json::Object(object)
}

/// A request that nobody answered.
pub fn no_reply(sequence_id: u16, action: &str, id: ManagementId) -> Json {
    json!({
        "source": null,
        "sequenceId": sequence_id,
        "action": action,
        "id": id.to_string(),
        "idNumber": id.0,
        "error": { "number": null, "name": "NO_REPLY", "text": "" },
    })
}

/// The fields of a data set that came by other ways than management.
pub fn data_set(payload: &Payload<'_>) -> Json {
    Json::Object(members(fields(payload).fields))
}

fn members(fields: Vec<Field>) -> Map<String, Json> {
    fields.into_iter().map(|field| (field.key.to_owned(), value(field.value))).collect()
}

fn number(n: f64) -> Json {
    Number::from_f64(n).map_or(Json::Null, Json::Number)
}

fn value(v: Value) -> Json {
    match v {
        Value::Int(n) => n.into(),
        Value::Uint(n) | Value::Hex(n, _) => n.into(),
        Value::Bit(on) | Value::OnOff(on) | Value::TrueFalse(on) => on.into(),
        Value::Text(text) => text.into(),
        Value::Tenths(t) | Value::WholeNs(t) | Value::WholeNsBlank(t) => number(t.nanos_f64()),
        Value::Rate(r) => number(r),
        Value::Unknown => Json::Null,
        Value::Masters(rows) | Value::Rows(rows) => {
            rows.into_iter().map(|row| Json::Object(members(row))).collect()
        }
        Value::List(items) => items.into(),
    }
}
