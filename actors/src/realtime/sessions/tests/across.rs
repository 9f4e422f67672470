//! Tests of calls that go on with another provider. They name the providers, so they stand in a
//! file of tests.

mod tests;
