//! The gateway `manual`: people. A transfer is awaited before the order is confirmed; an invoice, or
//! cash on delivery, is trusted first. Staff note receipts; voids and refunds are theirs to carry out,
//! and are done in our books at once.

use contracts::payments::NextAction;
use platform::config::{PaymentMethod, Settles};

use crate::attempt::Outcome;
use crate::gateway::Ask;

pub struct Manual {
    settles: Settles,
    instructions: String,
}

impl Manual {
    pub fn of(setting: &PaymentMethod) -> Self {
        Self { settles: setting.settles, instructions: setting.instructions.clone() }
    }

    /// The buyer writes the order's number on the transfer.
    pub fn authorize(&self, ask: &Ask) -> Outcome {
        let reference = ask.order_number.clone();
        match self.settles {
            Settles::After => Outcome::Authorized { reference: Some(reference) },
            Settles::Before => Outcome::ActionRequired {
                reference: reference.clone(),
                next_action: NextAction::Transfer {
                    reference,
                    instructions: self.instructions.clone(),
                    amount: ask.amount,
                },
            },
        }
    }
}
