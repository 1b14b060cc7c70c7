# Subscriptions to the status page: asked for by anybody, confirmed by who has
# the address, ended by token; nobody learns from them who is there.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Ward;

my $t = Ward->new(workers => 2);
my $p = $t->{p};
my $add = 'POST /status-subscriptions';
my $confirm = 'POST /status-subscriptions/{token}/confirm';
my $end = 'DELETE /status-subscriptions/{token}';
my %mail = (channel => 'email', address => 'ann@example.com');
my $all = 'select count(*) from health.subscriptions';

sub ask { my %in = @_; $p->post('/api/v1/status-subscriptions', \%in) }
sub confirm { $p->post("/api/v1/status-subscriptions/$_[0]/confirm") }
sub end { $p->delete("/api/v1/status-subscriptions/$_[0]") }
sub requested { $t->told('status_subscription.requested') }

my $r = $t->works(ask(%mail, components => [ 'web', 'mail' ]), $add, 202);
is_deeply $r, { %mail, components => [ 'web', 'mail' ], state => 'pending', confirmed_at => undef },
    'asked for'
    or diag explain $r;
my ($told) = requested();
is_deeply [ @$told{qw(channel address components)} ],
    [ 'email', 'ann@example.com', [ 'web', 'mail' ] ], 'who sends hears of it';
my $token = $told->{token};
like $token, qr/^[\w-]{43}$/, 'with a token';
unlike $p->sql('select s::text from health.subscriptions s'), qr/\Q$token\E/, 'that is not kept';

is_deeply $t->works(ask(%mail, components => ['web']), $add, 202)->{components}, ['web'];
is_deeply [ requested() ], [], 'asked again at once: the owner is not asked again';
$p->sql(q{update health.subscriptions set asked_at = now() - interval '11 minutes'});
ask(%mail, components => ['web']);
my ($again) = requested();
isnt $again->{token}, $token, 'later: with another token';
$t->fails(confirm($token), $confirm, 'not_found', undef, 'the one of before is worth nothing');
$token = $again->{token};

$r = $t->works(confirm($token), $confirm, 200);
is $r->{state}, 'confirmed';
is_deeply $r->{components}, ['web'];
my $at = $r->{confirmed_at};
is confirm($token)->json->{confirmed_at}, $at, 'twice is once';
$p->sql(q{update health.subscriptions set asked_at = now() - interval '11 minutes'});
$r = ask(%mail);
is $r->{status}, 202, 'who asks for one that is there';
is $r->json->{state}, 'pending', 'learns nothing';
is_deeply [ requested() ], [], 'and changes nothing';
is_deeply confirm($token)->json->{components}, ['web'];

my $other = { 'X-Nothing' => 1 };
for ([ 'not a token' => 'x' ], [ 'another one' => 'A' x 43 ], [ 'no text' => '%00' ]) {
    my ($what, $wrong) = @$_;
    isnt end($wrong)->{status}, 204, $what;
}

$t->fails(end('A' x 43), $end, 'not_found');
$t->works(end($token), $end, 204);
$t->fails(end($token), $end, 'not_found');
is $p->sql($all), 0, 'ended, it is gone';

for ([ channel => 'pigeon' ], [ address => 'ann' ], [ address => 'a b@example.com' ],
     [ address => "ann\@example.com\r\nBcc: x\@example.com" ], [ address => '@example.com' ],
     [ address => 'ann@example' ], [ address => undef ], [ components => 'web' ],
     [ components => [ 'a', 'a' ] ], [ state => 'confirmed' ])
{
    is ask(%mail, @$_)->{status}, 422, "no $_->[0] " . ($_->[1] // 'null');
}

for ([ sms => '+4915112345678', 202 ], [ sms => '015112345678', 422 ], [ sms => '+49x', 422 ],
     [ webhook => 'https://example.com/x', 202 ], [ webhook => 'http://example.com/', 422 ],
     [ webhook => 'https://', 422 ])
{
    my ($channel, $address, $status) = @$_;
    is ask(channel => $channel, address => $address)->{status}, $status, "$channel $address";
}

# Fifty at once for one address.
requested();
my @r = $p->parallel(map { [ POST => '/api/v1/status-subscriptions', body => {
    channel => 'email', address => 'bob@example.com' } ] } 1 .. 50);
is scalar(grep { $_->{status} == 202 } @r), 50, 'fifty ask for one address';
is scalar(() = requested()), 1, 'whose owner is asked once';

$p->sql(q{insert into health.subscriptions (tenant_id, channel, address, components, token_hash)
    select ?, 'email', n || '@example.com', '{}', sha256(n::text::bytea)
    from generate_series(1, 10000) n}, $Pando::Token::TENANT);
$t->fails(ask(%mail, address => 'c@example.com'), $add, 'subscriptions_full');
$p->sql(q{update health.subscriptions set asked_at = now() - interval '8 days'
    where address ~ '^\d'});
$p->sql('select health.forget_subscriptions()');
is ask(%mail, address => 'c@example.com')->{status}, 202, 'what nobody confirms goes';
is $p->sql("$all where address ~ '^\\d'"), 0;

$t->events_sound;
$t->all_provoked('health_subscriptions.c');

done_testing;
