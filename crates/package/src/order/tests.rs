use super::*;
use proptest::prelude::*;

/// The passes over the list, as the reference makes them.
fn passes(needs: &[Needs]) -> Result<Vec<usize>, ()> {
    let mut sent = vec![false; needs.len()];
    let mut order = Vec::new();
    while order.len() < needs.len() {
        let before = order.len();
        for (i, need) in needs.iter().enumerate() {
            let waits = [need.parent, need.origin].iter().flatten().any(|&dep| !sent[dep]);
            if !sent[i] && !waits {
                sent[i] = true;
                order.push(i);
            }
        }
        if order.len() == before {
            return Err(());
        }
    }
    Ok(order)
}

fn some_needs() -> impl Strategy<Value = Vec<Needs>> {
    (1usize..40).prop_flat_map(|n| {
        let one = move || prop_oneof![1 => Just(None), 2 => (0..n).prop_map(Some)];
        let need = (one(), one()).prop_map(|(parent, origin)| Needs { parent, origin });
        prop::collection::vec(need, n)
    })
}

/// Needs without a circle: each waits for those before it in a shuffled order.
fn sound_needs() -> impl Strategy<Value = Vec<Needs>> {
    let shuffled = (1usize..60).prop_flat_map(|n| {
        let places = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
        let draws = prop::collection::vec((any::<Option<u16>>(), any::<Option<u16>>()), n);
        (places, draws)
    });
    shuffled.prop_map(|(places, draws)| {
        let mut needs = vec![Needs::default(); places.len()];
        for (k, (&place, (parent, origin))) in places.iter().zip(draws).enumerate() {
            let earlier =
                |draw: Option<u16>| draw.filter(|_| k > 0).map(|d| places[usize::from(d) % k]);
            needs[place] = Needs { parent: earlier(parent), origin: earlier(origin) };
        }
        needs
    })
}

proptest! {
    #[test]
    fn the_order_is_that_of_passes_over_the_list(needs in sound_needs()) {
        prop_assert_eq!(order(&needs).unwrap(), passes(&needs).unwrap());
    }

    #[test]
    fn a_circle_is_found_and_nothing_else(needs in some_needs()) {
        match (order(&needs), passes(&needs)) {
            (Ok(order), Ok(passes)) => prop_assert_eq!(order, passes),
            (Err(at), Err(())) => prop_assert!(at < needs.len()),
            (order, passes) => prop_assert!(false, "{order:?}, by passes {passes:?}"),
        }
    }
}

#[test]
fn what_is_below_an_excluded_name_is_excluded() {
    let excluded = ["p/a".to_owned()];
    for (name, is) in [("p/a", true), ("p/a/b", true), ("p/ab", false), ("p", false)] {
        assert_eq!(is_excluded(name, &excluded), is, "{name}");
    }
}
