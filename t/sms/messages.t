# Messages: what is taken on and what is refused, where a message goes and what
# is told of it, and that nobody sees another tenant's.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Sms;

my $t = Sms->new(workers => 2, set => { default_country => 'DE', countries => 'DE,US, RU',
    spend_cap_minor => 5, currency => 'EUR' });
my $p = $t->{p};
my $one = 'POST /sms/messages';


# to its end

my $m = $t->works($t->post('/sms/messages', { to => '0151 / 234 567 89', body => 'Hello',
    sender => 'PANDO' }), $one, 202);
is "$m->{state} $m->{segments} $m->{encoding}", 'queued 1 gsm7', 'it is taken on';
$t->ends($m, 'delivered', 'and delivered');
my $got = $t->works($t->get("/sms/messages/$m->{id}"), 'GET /sms/messages/{id}', 200);
is_deeply [ @$got{qw(to country lane body attempts sender unsure)} ],
    [ $Sms::TO, 'DE', 'transactional', 'Hello', 1, 'PANDO', JSON::PP::false ], 'as it was sent';
is_deeply [ map { $_->{kind} } @{ $got->{log} } ],
    [qw(queued submitted accepted delivered)], 'with its log';
my $box = $t->works($t->get('/sms/outbox'), 'GET /sms/outbox', 200)->{data};
is_deeply [ map { "$_->{to} $_->{body} $_->{sender}" } @$box ], [ "$Sms::TO Hello PANDO" ],
    'it was captured';
my ($ct) = map { $_->[0] } $p->sql('select body_ct from sms.messages');
unlike $ct, qr/Hello/, 'its body is not kept in the clear';
is_deeply [ map { $_->[0] } $p->sql("select type from pando.outbox where type like 'sms.%'
    order by seq") ], [qw(sms.sent sms.delivered)], 'which is told';
unlike +($p->sql("select string_agg(data::text, '') from pando.outbox"))[0][0], qr/23456789/,
    'without its number';

my $code = $t->sent(lane => 'otp', body => 'Your code is 123456');
$t->ends($code, 'delivered');
is $t->message($code)->{body}, undef, 'a code is shown to nobody';


# refused

my $long = 'a' x 1700;

$t->post('/sms/templates', { key => 'hello', bodies => { en => 'Hello {{name}}' } });
$t->post('/sms/templates/hello/publish');

for ([ 'invalid_number', '/to', to => '+49 1' ], [ 'invalid_number', '/to', to => 'me' ],
     [ 'invalid_number', '/to', to => '+1 900 234 5678' ],
     [ 'invalid_number', '/to', to => '+1 800 234 5678' ],
     [ 'landline', '/to', to => '030 123456' ],
     [ 'no_route', '/to', to => '+33 6 12 34 56 78' ],
     [ 'body_missing', '/body', body => '' ], [ 'too_long', '/body', body => $long ],
     [ 'too_long', '/body', body => 'a' x 161, max_segments => 1 ],
     [ 'body_and_template', '/body', template => 'hello' ],
     [ 'unknown_template', '/template', body => undef, template => 'none' ],
     [ 'missing_variable', '/data', body => undef, template => 'hello' ]) {
    my ($code, $at, %set) = @$_;
    my %ask = (to => $Sms::TO, body => 'x', %set);
    delete $ask{body} unless defined $ask{body};
    $t->fails($t->post('/sms/messages', \%ask), $one, $code, $at);
}

for ([ '/to', to => '' ], [ '/lane', lane => 'fast' ], [ '/ttl_s', ttl_s => 1 ],
     [ '/max_segments', max_segments => 11 ], [ '/body', body => 'a' x 4001 ],
     [ '/send_at', send_at => 'soon' ], [ '/nothing', nothing => 1 ]) {
    my ($at, %set) = @$_;
    my $r = $t->post('/sms/messages', { to => $Sms::TO, body => 'x', %set });
    is "$r->{status} " . ($r->json->{errors}[0]{pointer} // ''), "422 $at", "wrong: $at";
}

is $t->sent(body => "\x{2014} \x{201c}x\x{201d}", smart => \1)->{encoding}, 'gsm7',
    'typography is made plain where that is asked for';
is $t->sent(body => "\x{2014}")->{encoding}, 'ucs2', 'and else is not';


# one key, one message, however many ask at once

my @r = $p->parallel(map {
    [ 'POST', '/api/v1/sms/messages', token => $t->{token},
      body => { to => $Sms::TO, body => "by key $_", dedup_key => 'k1' } ] } 1 .. 20);
my %ids = map { $_->json->{id} => 1 } @r;
is scalar(grep { $_->{status} == 202 } @r), 20, 'twenty ask with one key';
is scalar keys %ids, 1, 'and get one message';
$t->ends({ id => (keys %ids)[0] }, 'delivered');
is $t->count("outbox where body like 'by key%'"), 1, 'which is sent once';
isnt $t->sent(dedup_key => 'k1', token => $Sms::OTHER)->{id}, (keys %ids)[0],
    'keys are each tenant\'s own';


# later, and not at all

my $later = $t->sent(send_at => '2099-01-01T00:00:00Z');
is $later->{state}, 'scheduled', 'a message for later';
is $t->message($later)->{send_at}, '2099-01-01T00:00:00Z';
my $cancel = 'POST /sms/messages/{id}/cancel';
is $t->works($t->post("/sms/messages/$later->{id}/cancel"), $cancel, 200)->{state}, 'canceled',
    'is taken back';
$t->fails($t->post("/sms/messages/$later->{id}/cancel"), $cancel, 'too_late');
$t->fails($t->post("/sms/messages/$m->{id}/cancel"), $cancel, 'too_late');
$t->fails($t->post("/sms/messages/$Pando::Routes::NOBODY/cancel"), $cancel, 'not_found');
$t->fails($t->get("/sms/messages/$Pando::Routes::NOBODY"), 'GET /sms/messages/{id}',
    'not_found');

my $soon = $t->sent(send_at => '2099-01-01T00:00:00Z', ttl_s => 3600);
$p->sql('update sms.messages set next_at = clock_timestamp() where id = ?', $soon->{id});
$p->sql('select sms.wake(tenant_id, lane, id, clock_timestamp()) from sms.messages where id = ?',
    $soon->{id});
$t->ends($soon, 'delivered', 'one for later goes when it is time');

my $stale = $t->sent(send_at => '2099-01-01T00:00:00Z');
$p->sql('update sms.messages set next_at = clock_timestamp(), ttl_at = clock_timestamp()
    where id = ?', $stale->{id});
$p->sql('select sms.wake(tenant_id, lane, id, clock_timestamp()) from sms.messages where id = ?',
    $stale->{id});
$t->ends($stale, 'expired', 'after its time it is not sent');


# many

my $batch = $t->works($t->post('/sms/messages/batch', { messages => [
    { to => '0151 23456780', body => 'one' }, { to => '030 123456', body => 'two' },
    { to => '0151 23456781', body => 'three' }, { to => '0151 23456781', body => $long } ] }),
    'POST /sms/messages/batch', 202)->{data};
is_deeply [ map { $_->{error} // $_->{state} } @$batch ], [qw(queued landline queued too_long)],
    'each of a batch for itself';
is $batch->[1]{pointer}, '/to', 'and where';
$t->ends($batch->[2], 'delivered');
is $t->message($batch->[2])->{body}, 'three', 'each its own';
is scalar @{ $t->works($t->post('/sms/messages/batch', { messages => [ map {
    { to => sprintf('0151 %08d', 20000000 + $_), body => 'many', lane => 'marketing' } }
    1 .. 1000 ] }), 'POST /sms/messages/batch', 202)->{data} }, 1000, 'a thousand';
is $t->post('/sms/messages/batch', { messages => [ map { { to => $Sms::TO } } 0 .. 1000 ] })
    ->{status}, 422, 'but no more';
$t->waits(sub { $t->count("messages where lane = 'marketing' and state = 'delivered'") == 1000 },
          'all of them are sent', 120);


# lists, tenants, the outbox

is scalar @{ $t->works($t->get('/sms/messages?to=%2B49%20151%2023456781&state=delivered'),
    'GET /sms/messages', 200)->{data} }, 1, 'by number and state';
is scalar @{ $t->get('/sms/messages?lane=otp')->json->{data} }, 1, 'by lane';
is $t->get("/sms/messages/$m->{id}", token => $Sms::OTHER)->{status}, 404, 'another tenant';
is $t->post("/sms/messages/$soon->{id}/cancel", undef, token => $Sms::OTHER)->{status}, 404;
is scalar @{ $t->get('/sms/messages', token => $Sms::OTHER)->json->{data} }, 1, 'has its own';
$t->waits(sub { @{ $t->get('/sms/outbox', token => $Sms::OTHER)->json->{data} } == 1 },
          'and its own outbox');
$t->works($t->delete('/sms/outbox'), 'DELETE /sms/outbox', 204);
is_deeply $t->get('/sms/outbox')->json->{data}, [], 'the outbox is emptied';
is scalar @{ $t->get('/sms/outbox', token => $Sms::OTHER)->json->{data} }, 1,
    'but not the other one';


# parts

my $e = $t->works($t->post('/sms/estimate', { body => ('a' x 152) . "\x{20ac}0123456789" }),
    'POST /sms/estimate', 200);
is_deeply $e, { encoding => 'gsm7', segments => 2, units => 164, left => 141, forcing => [],
    routes => [], captured => JSON::PP::false,
    parts => [ { units => 152, octets => 140 }, { units => 12, octets => 17 } ] }, 'an estimate';
is_deeply $t->post('/sms/estimate', { body => "\x{416}`\x{1f600}\x{e7}" })->json->{forcing},
    [ "\x{416}", '`', "\x{1f600}", "\x{e7}" ], 'what forces UCS-2';


# who does not want it, and what nobody pays for

$t->post('/sms/opt-outs', { number => '+4915199999999' });
$t->fails($t->post('/sms/messages', { to => '+4915199999999', body => 'x', dedup_key => 'k9' }),
    $one, 'opted_out', '/to');
$t->post('/sms/opt-outs', { number => '+4915199999998', sender => 'OTHER' });
$t->sent(to => '+4915199999998');
$t->fails($t->post('/sms/messages', { to => '+4915199999998', body => 'x', sender => 'OTHER' }),
    $one, 'opted_out', '/to', 'from one sender');
$t->ends($t->sent(to => '+4915199999999', lane => 'otp'), 'delivered', 'a code always goes');
my $box_of = $t->post('/sms/providers', { name => 'box', kind => 'captured' })->json;
$t->post('/sms/prices/import', { provider_id => $box_of->{id}, csv => "49,2.5\n" });
$t->post('/sms/routes', { prefix => '49', lane => 'transactional',
    provider_id => $box_of->{id} });
my $paid = $t->sent(dedup_key => 'paid');
is_deeply $paid->{price}, { amount => 3, currency => 'EUR' }, 'its price, rounded up';
$t->ends($paid, 'delivered', 'by a provider that captures');
my $r = $t->post('/sms/messages', { to => $Sms::TO, body => 'x', dedup_key => 'unpaid' });
$t->fails($r, $one, 'spend_limit');
ok $r->header('Retry-After'), 'come again';
is $t->sent(dedup_key => 'paid')->{id}, $paid->{id}, 'what was paid for is not paid again';
is $t->count("message_keys where dedup_key in ('unpaid', 'k9')"), 0,
    'a refusal leaves no key behind';
$t->fails($t->post('/sms/messages', { to => '+12015550123', body => 'x' }), $one, 'no_route',
    '/to', 'a prefix without a route');
is_deeply [ map { $_->{error} // 'ok' } @{ $t->post('/sms/messages/batch', { messages => [
    { to => '+4915199999999', body => 'x' }, { to => $Sms::TO, body => 'x' },
    { to => $Sms::TO, body => 'x', lane => 'otp' } ] })->json->{data} } ],
    [qw(opted_out spend_limit no_route)], 'in a batch, too';
is_deeply [ map { $_->[0] } $p->sql("select data->>'percent' from pando.outbox
    where type = 'sms.spend_reached'") ], [ 100 ], 'the end of the money is told, once';
my $own = $t->post('/sms/senders', { sender => 'GROVE', kind => 'alphanumeric' })->json;
$t->fails($t->post('/sms/messages', { to => '+4915199999990', body => 'x', sender => 'OTHER' }),
    $one, 'sender_not_allowed', '/sender');
$t->delete("/sms/senders/$own->{id}");
$t->all_provoked('sms_messages.c');
unlike $p->log . $p->log('access.log'), qr/23456789|Hello/, 'no number and no text is in a log';


# retention

$p->sql("update sms.messages set created_at = now() - interval '2 days'");
$p->sql("update sms.outbox set at = now() - interval '2 days'");
$p->sql("update sms.message_keys set at = now() - interval '31 days'");
$p->sql('select sms.forget(5000)');
is $t->count('messages where body_ct is null'), 2, 'codes are forgotten after a day';
is $t->count('outbox'), 0, 'so is what was captured';
is $t->count('message_keys'), 0, 'keys are after 30 days';
$p->sql("update sms.messages set created_at = now() - interval '14 months'");
$p->sql('select sms.forget(5000)');
is $t->count('messages'), 0, 'and messages after 13 months';
is $t->count('log'), 0, 'with their log';

done_testing;
