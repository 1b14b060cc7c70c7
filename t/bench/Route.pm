# What a route runs: its statements are read off the server's log, so that
# those whom it is compared with run the same, whatever they are.

package Route;

use strict;
use warnings;

use JSON::PP;
use Time::HiRes qw(sleep);

use Stage;

# What relays and jobs ask meanwhile is no part of a request; nor is the one
# NOTIFY for all that was committed in a turn.
my $OTHERS = qr/\bpando\.(?:outbox|readers|parked|inbox|\w*jobs)\b|\bpg_locks\b|^NOTIFY/;


# For each request [path, mark, body] its statements, as [{ text, types,
# values, marks }]: marks says which of the values are the mark.
sub statements
{
    my ($stage, $p, @requests) = @_;
    my $types = compiled($stage);
    my @seen;

    logs($stage, 'all');

    for (1 .. 100) {            # until the connection has heard of it
        last if seen($stage, $p, $types, $requests[0]);
        sleep 0.05;
    }

    @seen = map { [ seen($stage, $p, $types, $_) ] } @requests;
    logs($stage, 'none');
    @$_ or die "bench: no statement of a route is in the log\n" for @seen;
    return @seen;
}


sub logs
{
    my ($stage, $which) = @_;

    $stage->sql('postgres', "alter system set log_statement = '$which'");
    $stage->sql('postgres', 'select pg_reload_conf()');
}


sub seen
{
    my ($stage, $p, $types, $request) = @_;
    my ($path, $mark, $body) = @$request;
    my $log = "$stage->{dir}/pg/log";
    my $from = -s $log;
    my @token = (token => { scope => 'probe:read probe:write' });
    my $r = $body ? $p->post($path, $body, @token) : $p->get($path);
    my @found;

    $r->{status} =~ /^(?:20.|409)$/ or die "$path: $r->{status} $r->{body}\n";

    open my $in, '<:utf8', $log or die "$log: $!\n";
    seek $in, $from, 0;
    my $text = do { local $/; <$in> } // '';

    while ($text =~ /LOG:  execute \S+: (.*(?:\n\t.*)*)\n(.*)/g) {
        my ($query, $detail) = ($1, $2);
        my @values;

        next if $query =~ $OTHERS;

        push @values, defined $1 ? $1 =~ s/''/'/gr : undef
            while $detail =~ /\$\d+ = (?:NULL|'((?:[^']|'')*)')/g;
        $query =~ s/\n\t/\n/g;

        push @found, { text => $query, values => \@values,
            types => $types->{$query} // [],
            marks => [ map { defined && $_ eq $mark } @values ] };
    }

    return @found;
}


# The types that compiled queries give their parameters, by their texts.
sub compiled
{
    my ($stage) = @_;
    my %types;

    for my $path (glob "$Pando::BUILD/nginx/objs/pando/*_sql.c") {
        open my $in, '<', $path or die "$path: $!\n";
        my $c = do { local $/; <$in> };

        while ($c =~ /\.text =\n((?:\s+"(?:[^"\\]|\\.)*"\n?)+),(.*?)\n\};/gs) {
            my ($strings, $rest) = ($1, $2);
            my $text = join '', $strings =~ /"((?:[^"\\]|\\.)*)"/g;
            my ($oids) = $rest =~ /\.types = .*?\{ (.*?) \}/s;

            $text =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
            $types{$text} = [ map { $stage->sql('postgres',
                'select ?::oid::regtype::text', $_) }
                split /,\s*/, $oids // '' ];
        }
    }

    return \%types;
}


# What pgbench is told: a script for each of several requests' statements, and
# their parameters as variables, so that they stay parameters.  What is marked
# is the request's own in each, or drawn anew where there is but one.
sub scripts
{
    my ($stage, $case, @seen) = @_;
    my (@files, %name);

    for my $statements (@seen) {
        my $script = @seen == 1
            ? "\\set mark random(1, 4000000000000000000)\n" : '';

        for my $st (@$statements) {
            my ($values, $types) = @$st{qw(values types)};
            my $variable = sub {
                my ($n) = @_;
                return 'mark' if @seen == 1 && $st->{marks}[$n];
                return 'none' unless defined $values->[$n];
                return $name{ $values->[$n] } //= 'v' . keys %name;
            };

            @$types == @$values or die "no types: $st->{text}\n";
            $script .= $st->{text} =~ s{\$(\d+)}{
                ':' . $variable->($1 - 1) . "::$types->[$1 - 1]" }ger . ";\n";
        }

        push @files, $stage->file("$case-" . @files . '.sql', $script);
    }

    return ((map { ('-D', "$name{$_}=$_") } keys %name),
            map { ('-f', $_) } @files);
}


# What a peer is told: the statements of one request, with the values of the
# type's own kind, and which of them is the id.
sub told
{
    my ($st) = @_;
    my @params = map {
        my ($v, $type) = ($st->{values}[$_], $st->{types}[$_]);
        !defined $v ? undef
            : $type eq 'boolean' ? ($v eq 't' ? JSON::PP::true : JSON::PP::false)
            : $type =~ /int/ ? 0 + $v : $v;
    } 0 .. $#{ $st->{values} };

    return { text => $st->{text}, params => \@params,
             ids => [ map { $_ ? JSON::PP::true : JSON::PP::false }
                      @{ $st->{marks} } ] };
}

1;
