//! Many references lost and found again: the bound holds, and says something.

use ptp_servo::simulate::calibrate;

#[test]
fn the_bound_holds_and_is_not_loose() {
    let (mut within, mut losses) = (0, 0);
    for (wander, seconds) in [(0.02, 300), (0.3, 100), (0.3, 600), (3.0, 200)] {
        let c = calibrate(wander, seconds, 5, 6);
        within += c.within;
        losses += c.losses;
        // The 99th percentile of a normal distribution, steadier than the largest of 30.
        let ratio = c.bound_ns / (2.576 * c.rms_ns);
        println!("{wander} ppb, {seconds} s: {c:?}, ratio {ratio:.2}");
        assert!(ratio < 4.0, "{wander} ppb, {seconds} s: {c:?}");
    }
    assert!(within * 100 >= losses * 98, "{within} of {losses}");
}
