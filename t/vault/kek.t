# The key that wraps: from a file, replaced while the other still opens, and
# refused where it is the wrong one.

use FindBin;
use lib $FindBin::Bin;
use File::Temp qw(tempdir);
use JSON::PP;
use Pando;
use Safe;

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;

sub kek
{
    my ($name, $text) = @_;
    open my $out, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print $out "$text\n";
    close $out;
    return "$dir/$name";
}

my ($old, $new) = (kek(old => 'a1' x 32), kek(new => 'B2' x 32));
my $t = Safe->new(workers => 2, http => "pando_set vault.kek $old;");
my $p = $t->{p};

sub with
{
    my ($http) = @_;
    $p->sql('UPDATE pando.job_periods SET slot = slot - 1 WHERE kind = ?', 'vault.rewrap');
    $p->configure(http => $http);
    $p->reload;
}

sub keks
{
    my $status = $t->get('/vault/status')->json;
    return join ', ', map { "$_->{kind} $_->{state} $_->{wraps}" } @{ $status->{keks} };
}

$t->grant('*');
$t->key('a');
my @sealed = $t->sealed('a', 'version 1');

for my $round (1 .. 6) {
    $p->parallel(map { [ POST => '/api/v1/vault/keys/a/rotate', token => $t->{token} ] }
        1 .. 100);
    push @sealed, $t->sealed('a', 'version ' . ($round * 100 + 1));
}

is keks(), 'file active 601', 'one key wraps';

# Every version opens with the workers that come then, which know nothing.
sub opens
{
    my ($name) = @_;
    my @data = map { $t->opened('a', $_) } @sealed;
    return is_deeply \@data, [ map { 'version ' . ($_ * 100 + 1) } 0 .. 6 ], $name;
}

opens('all opens');


# Replaced: the old one opens until all is wrapped anew, whoever dies meanwhile

with("pando_set vault.kek $new; pando_set vault.kek_before $old;");
opens('all opens with both keys');
$p->kill_worker('KILL', $_) for $p->worker_pids;
with("pando_set vault.kek $new; pando_set vault.kek_before $old;");
ok $p->wait_for(sub { keks() eq 'file active 601, file retired 0' }, 90), 'all is wrapped anew'
    or diag(keks());
opens('and opens');
with("pando_set vault.kek $new;");
opens('without the old key, too');
is $t->opened('a', $t->sealed('a', 'later')), 'later', 'and goes on';


# The wrong one, or none

for (
    [ "pando_set vault.kek $old;", qr/not the one that wraps/ ],
    [ 'pando_set vault.kek ' . kek(third => 'c3' x 32) . ';', qr/not the one that wraps/ ],
    [ 'pando_set vault.kek ' . kek(text => 'x' x 64) . ';', qr/64 hexadecimal digits/ ],
    [ 'pando_set vault.kek ' . kek(short => 'a1' x 31) . ';', qr/64 hexadecimal digits/ ],
    [ '', qr/not the one that wraps/ ],
) {
    my ($http, $says) = @$_;
    with($http);
    my $status = $t->get('/vault/status')->json;
    is $status->{sealed}, JSON::PP::true, 'sealed';
    like $status->{reason}, $says, 'and says why';
    is $t->post('/vault/keys/a/decrypt', { items => [ { data => $sealed[0] } ] })
        ->json->{code}, 'vault_sealed', 'nothing opens';
    is $t->post('/vault/keys', { name => 'b', type => 'aes256-gcm' })->json->{code},
        'vault_sealed', 'nothing is made';
}

with("pando_set vault.kek $new;");
opens('the right one opens again');
is keks(), 'file active 601, file retired 0', 'and nothing was changed';

my $bad = Pando->new(domains => ['vault'], start => 0,
    http => "pando_set vault.kek $dir/nothing;");
my ($said, $content) = $bad->check;
ok !$content, 'a file that is not there';
like $said, qr/nothing" cannot be opened/, 'is refused with the configuration';
$bad->expect(qr/cannot be opened|is not to be read/);


# A key stands in memory that is not dumped, and nowhere else

my ($raw, $text) = (pack('H*', 'b2' x 32), 'B2' x 32);

for my $pid ($p->worker_pids) {
    no warnings 'portable';
    my (%found, $from, $to);
    open my $maps, '<', "/proc/$pid/smaps" or die "no smaps: $!\n";
    open my $mem, '<:raw', "/proc/$pid/mem" or die "no memory: $!\n";

    while (<$maps>) {
        ($from, $to) = (hex $1, hex $2) if /^([0-9a-f]+)-([0-9a-f]+) rw/;
        next unless defined $from && /^VmFlags:(.*)/;

        my $dumped = $1 =~ /\bdd\b/ ? 'not dumped' : 'dumped';
        next if $to - $from > 1 << 28;          # a sanitizer's own books
        sysseek $mem, $from, 0;
        sysread $mem, my $bytes, $to - $from;
        $found{$dumped}++ if index($bytes // '', $raw) >= 0;
        $found{text}++ if index($bytes // '', $text) >= 0;
        undef $from;
    }

    is_deeply \%found, { 'not dumped' => 1 }, 'it stands where no core file shows it';
}

unlike $p->log, qr/b2b2b2b2/i, 'nor in the log';
done_testing;
