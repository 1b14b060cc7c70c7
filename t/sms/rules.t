# The rules of sms, which need no nginx.

use Pando;
use Pando::Unit;

units(sms_text => [], sms_choice => [ 'pando_uuid', 'pando_bytes', '-lcrypto', '-lm' ],
      sms_rules => [ 'pando_bytes', '-lcrypto' ],
      sms_hours => [ qw(pando_places pando_zone pando_zone_rule
          pando_civil pando_date pando_time) ]);
done_testing;
