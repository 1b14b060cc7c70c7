# The arithmetic of counts and the states of alerts, which need no nginx.

use Pando;
use Pando::Unit;

units(metrics_states => [ 'metrics_rules' ]);
done_testing;
