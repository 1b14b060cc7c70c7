# Codes: who may ask for which, what comes, what is right and what is not, how
# often and how soon, and what is kept of it.

use FindBin;
use lib $FindBin::Bin;
use Codes;
use Pando;

my $t = Codes->new(workers => 2, set => { default_country => 'DE', countries => 'DE,US',
    brand => 'Grove', host => 'grove.example' });
my $p = $t->{p};
my $start = 'POST /verifications';
my $check = 'POST /verifications/{id}/check';
my $again = 'POST /verifications/{id}/resend';
my $user = $p->token(scope => '');
my $stranger = $p->token(scope => '', sub => '01900000-0000-7000-8000-000000000077');


# a code comes and is right once

my $v = $t->works($t->start(to => '0151 23456789', locale => 'de'), $start, 202);
is_deeply [ @$v{qw(purpose channel masked_to status attempts_left)} ],
    [ 'login', 'sms', '+49*********89', 'pending', 5 ], 'a code is sent';
my ($text) = $t->texts;
like $text, qr/^(\d{6}) ist Ihr Code f\x{fc}r Grove\. .*\n\n\@grove\.example #\1$/,
    'in a language, and as browsers read it';
is +($p->sql('select lane from sms.messages'))[0][0], 'otp', 'in the lane of codes';
my $code = $t->code;
my $r = $t->check($v, Codes::wrong($code));
my $j = $t->fails($r, $check, 'code_wrong', '/code');
is $j->{attempts_left}, 4, 'a wrong one takes an attempt';
my $proof = $t->works($t->check($v, $code), $check, 200)->{proof};
like $proof, qr/^[\w-]{43}$/, 'a right one gives a proof';
$t->fails($t->check($v, $code), $check, 'code_used');
is $t->works($t->public("/verifications/$v->{id}"), 'GET /verifications/{id}', 200)->{status},
    'approved';
$t->fails($t->check({ id => $Pando::Routes::NOBODY }, 1), $check, 'not_found');
$t->fails($t->public("/verifications/$Pando::Routes::NOBODY"), 'GET /verifications/{id}',
    'not_found');
is_deeply [ map { $_->[0] } $p->sql("select type from pando.outbox
    where type like 'verification.%' order by seq") ],
    [qw(verification.started verification.approved)], 'both are told';


# who and what

for ([ 'unknown_purpose', '/purpose', purpose => 'x' ],
     [ 'invalid_number', '/to', to => '12345' ], [ 'invalid_number', '/to', to => '030 123456' ],
     [ 'invalid_number', '/to', to => '+1 900 234 5678' ],
     [ 'invalid_number', '/to', to => 'a@b' ],
     [ 'no_channel', '/channel', channel => 'email' ],
     [ 'no_channel', '/channel', to => 'ann@example.com', channel => 'sms' ],
     [ 'no_channel', '/channel', channel => 'pigeon' ],
     [ 'country_not_allowed', '/to', to => '+33 6 12 34 56 78' ],
     [ 'unauthorized', undef, purpose => 'step_up' ]) {
    my ($code, $at, %set) = @$_;
    $t->fails($t->start(%set), $start, $code, $at);
}

$p->sql("insert into verification.blocked_prefixes (tenant_id, prefix, until, set_by)
    values (?, '49160', now() + interval '1 hour', 'staff')", $Pando::Token::TENANT);
$t->fails($t->start(to => '+4916012345678'), $start, 'destination_blocked', '/to');

my $own = $t->started(purpose => 'step_up', token => $user, to => '+4915123456700');
is $p->get("/api/v1/verifications/$own->{id}", token => $user)->{status}, 200, 'one\'s own';
is $p->get("/api/v1/verifications/$own->{id}", token => $stranger)->{status}, 404,
    'is nobody else\'s';
is $t->check($own, $t->code('+4915123456700'))->{status}, 404, 'nor is it right for them';
is $t->check($own, $t->code('+4915123456700'), token => $user)->{status}, 200;
is $p->get("/api/v1/verifications/$own->{id}", token => $Codes::OTHER)->{status}, 404,
    'another tenant';


# by mail

my $mail = $t->started(to => 'Ann@Example.com');
is "$mail->{channel} $mail->{masked_to}", 'email a***@example.com', 'a code by mail';
ok $p->wait_for(sub { ($p->sql("select count(*) from pando.outbox where type = 'email.sent'"))
    [0][0] }, 60), 'goes';


# bound to what it is for

my %pay = (purpose => 'transaction', to => '+4915123456701', token => $user);
my $t1 = $t->started(%pay, binding => '10 EUR to Bob');
my $eight = $t->code('+4915123456701');
is length $eight, 8, 'eight digits for money';
is $t->check($t1, $eight, binding => '99 EUR to Eve', token => $user)->json->{code}, 'code_wrong',
    'a code for one thing is wrong for another';
is $t->check($t1, $eight, token => $user)->json->{code}, 'code_wrong', 'or for nothing';
$t->fails($t->start(%pay, binding => '99 EUR to Eve'), $start, 'resend_too_soon');
$t->due;
my $t2 = $t->started(%pay, binding => '99 EUR to Eve');
isnt $t2->{id}, $t1->{id}, 'something else is another code';
$t->fails($t->check($t1, $eight, binding => '10 EUR to Bob', token => $user), $check,
    'code_expired');


# again: the same code

my %new = (to => '+4915123456702');
my $s = $t->started(%new);
is $t->started(%new)->{id}, $s->{id}, 'a second start is the same code';
is scalar(() = $t->texts($new{to})), 1, 'not sent again so soon';
$r = $p->post("/api/v1/verifications/$s->{id}/resend");
$t->fails($r, $again, 'resend_too_soon');
ok $r->header('Retry-After') >= 1 && $r->header('Retry-After') <= 30, 'it says when';
$t->due;
is $t->started(%new)->{id}, $s->{id};
$t->due;
is $t->works($p->post("/api/v1/verifications/$s->{id}/resend"), $again, 202)->{id}, $s->{id};
my %codes = map { /(\d{6})/ ? ($1 => 1) : () } $t->texts($new{to});
is scalar(() = $t->texts($new{to})), 3, 'sent three times';
is scalar keys %codes, 1, 'the same code each time';
my $wait = ($p->sql('select extract(epoch from next_send_at - clock_timestamp())
    from verification.codes where id = ?', $s->{id}))[0][0];
ok $wait > 90 && $wait <= 120, 'each time later' or diag $wait;
$t->due, $p->post("/api/v1/verifications/$s->{id}/resend") for 1 .. 2;
$t->due;
$t->fails($p->post("/api/v1/verifications/$s->{id}/resend"), $again, 'resend_limit');
is scalar(() = $t->texts($new{to})), 5, 'five are all';
is $t->check($s, (keys %codes)[0])->{status}, 200, 'the first one is right';
$t->fails($p->post("/api/v1/verifications/$s->{id}/resend"), $again, 'code_used');
$t->fails($p->post("/api/v1/verifications/$Pando::Routes::NOBODY/resend"), $again, 'not_found');
$p->sql("update verification.destination_limits set sent = 10");
$t->fails($t->start(%new), $start, 'resend_limit');
$p->sql("update verification.destination_limits set window_start = now() - interval '25 hours'");
my $next = $t->started(%new);
isnt $next->{id}, $s->{id}, 'the day after there are more';


# with a key: once, and the same answer

my @keyed = $p->parallel(map { [ 'POST', '/api/v1/verifications', 'Idempotency-Key' => 'one',
    token => $user, body => { purpose => 'login', to => '+4915123456720' } ] } 1 .. 5);
is scalar(grep { $_->{status} =~ /^(?:202|409)$/ } @keyed), 5, 'with an Idempotency-Key';
is scalar(() = $t->texts('+4915123456720')), 1, 'one is sent';


# over

$p->sql("update verification.codes set expires_at = now() where id = ?", $next->{id});
$t->fails($t->check($next, 1), $check, 'code_expired');
$t->fails($p->post("/api/v1/verifications/$next->{id}/resend"), $again, 'code_expired');
is $t->public("/verifications/$next->{id}")->json->{status}, 'expired';
isnt $t->started(%new)->{id}, $next->{id}, 'a new one takes its place';

my $del = 'DELETE /verifications/{id}';
my $gone = $t->started(to => '+4915123456703');
$t->fails($p->delete("/api/v1/verifications/$gone->{id}", 'If-Match' => '"v9"'), $del,
    'precondition_failed');
$t->works($p->delete("/api/v1/verifications/$gone->{id}"), $del, 204);
$t->fails($p->delete("/api/v1/verifications/$gone->{id}"), $del, 'not_found');
is $t->check($gone, $t->code('+4915123456703'))->json->{code}, 'code_expired', 'canceled';

my $x = $t->started(to => '+4915123456704');
$t->check($x, Codes::wrong($t->code('+4915123456704'))) for 1 .. 5;
$t->fails($t->check($x, $t->code('+4915123456704')), $check, 'attempts_exhausted');
$t->fails($p->post("/api/v1/verifications/$x->{id}/resend"), $again, 'attempts_exhausted');
is $t->public("/verifications/$x->{id}")->json->{status}, 'exhausted';

# wrong answers are counted for the number, whatever the code

$p->sql("update verification.codes set next_send_at = now()");
my $y = $t->started(to => '+4915123456704');
isnt $y->{id}, $x->{id}, 'another code for the same number';
is $t->check($y, Codes::wrong($t->code('+4915123456704')))->json->{code}, 'code_wrong' for 6 .. 10;
my $z = $t->check($y, $t->code('+4915123456704'));
$t->fails($z, $check, 'destination_locked');
ok $z->header('Retry-After') > 3500, 'the eleventh in a day locks it, for an hour';
$t->fails($t->start(to => '+4915123456704', purpose => 'reset'), $start, 'destination_locked');
$t->fails($p->post("/api/v1/verifications/$y->{id}/resend"), $again, 'attempts_exhausted');
$p->sql("update verification.codes set attempts = 0 where id = ?", $y->{id});
$t->fails($p->post("/api/v1/verifications/$y->{id}/resend"), $again, 'destination_locked');


# what is kept, and what is not

my $all = join ' ', map { $_->[0] } $p->sql('select c::text from verification.codes c'),
    $p->sql("select o::text from pando.outbox o where type like 'verification.%'"),
    $p->sql('select f::text from verification.proofs f');
unlike $all, qr/\b(?:$code|$eight)\b/, 'no code is kept or told';
unlike $all, qr/\Q$proof\E/, 'nor a proof';
unlike $p->log . $p->log('access.log'), qr/23456789|\b$code\b|\Q$proof\E/, 'nor in a log';
unlike +($p->sql("select string_agg(data::text, '') from pando.outbox
    where type like 'verification.%'"))[0][0], qr/234567/, 'nor is a number told';
$p->sql("update verification.codes set created_at = now() - interval '2 days'");
$p->sql('select verification.purge(1000)');
is +($p->sql('select count(*) from verification.codes where destination is not null'))[0][0], 0,
    'destinations are hidden after a day';
$p->sql("update verification.codes set created_at = now() - interval '31 days'");
$p->sql('select verification.purge(1000)');
is +($p->sql('select count(*) from verification.codes'))[0][0], 0, 'and codes gone after 30';


# a channel that is away is no excuse for nothing

$p->stop;
$p->configure(domains => ['verification']);
$p->start;
$t->fails($t->start(to => '+4915123456710'), $start, 'channel_away');
is +($p->sql("select count(*) from verification.codes where canceled_at is null"))[0][0], 0,
    'what was not sent does not count';
my ($left) = map { $_->[0] } $p->sql('select id from verification.codes');
$p->sql('update verification.codes set canceled_at = null, sends = 1');
$t->fails($p->post("/api/v1/verifications/$left/resend"), $again, 'channel_away');
$t->all_provoked('verification_codes.c');

done_testing;
