//! A medium that takes its time does not keep anybody from looking.

use super::*;

#[tokio::test]
async fn the_node_answers_and_keeps_while_a_medium_is_copied() {
    let ship = Ship::new();
    let node = ship.start();
    ship.carry(&node, &bundle(1, &[("shop", &[], vec![space(), settings("a", "1")])]));
    node.reconcile(None).await;
    let stick = ship.stick(&bundle(2, &[("shop", &[], vec![space(), settings("a", "2")])]));
    // The import hears of its first bytes and waits there until the test lets it go on.
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new(Some((begun, gone)));
    let progress: OnBytes = Arc::new(move |_, _| {
        if let Some((begun, gone)) = gate.lock().unwrap().take() {
            begun.send(()).unwrap();
            gone.recv().unwrap();
        }
    });
    let importing = Arc::clone(&node);
    let import = std::thread::spawn(move || importing.import(&[stick], day(7), &progress));
    has_begun.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(sequences(&node), [None, Some(1), Some(1)]);
    node.reconcile(None).await;
    assert_eq!(entries(&node)["shop"].phase, Phase::Ready);
    go.send(()).unwrap();
    let imported = import.join().unwrap();
    assert!(matches!(imported.media[0].verdict, Verdict::Accepted(_)), "{imported:?}");
    assert_eq!(sequences(&node), [Some(2), Some(1), Some(1)]);
}
